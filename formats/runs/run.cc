#include "formats/runs/run.h"

#include <algorithm>
#include <set>

namespace accelerate::runs {

const Metric* find_metric(const Run& run, const std::string& name) {
  const auto found = std::find_if(run.metrics.begin(), run.metrics.end(),
                                  [&name](const Metric& each) { return each.name == name; });
  return found == run.metrics.end() ? nullptr : &*found;
}

const std::string* find_setting(const Run& run, const std::string& name) {
  const auto found = std::find_if(run.config.begin(), run.config.end(),
                                  [&name](const Setting& each) { return each.first == name; });
  return found == run.config.end() ? nullptr : &found->second;
}

std::vector<std::string> metric_names(const std::vector<Run>& runs) {
  std::set<std::string> names;
  for (const Run& run : runs) {
    for (const Metric& metric : run.metrics) names.insert(metric.name);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> setting_names(const std::vector<Run>& runs) {
  std::set<std::string> seen;
  std::vector<std::string> names;
  for (const Run& run : runs) {
    for (const Setting& setting : run.config) {
      if (seen.insert(setting.first).second) names.push_back(setting.first);
    }
  }
  return names;
}

std::vector<std::string> differing_settings(const std::vector<Run>& runs) {
  std::vector<std::string> names = setting_names(runs);
  const auto is_common = [&runs](const std::string& name) {
    const std::string* first = find_setting(runs.front(), name);
    return std::all_of(runs.begin(), runs.end(), [&](const Run& run) {
      const std::string* value = find_setting(run, name);
      return first != nullptr && value != nullptr && *value == *first;
    });
  };
  names.erase(std::remove_if(names.begin(), names.end(), is_common), names.end());
  return names;
}

}  // namespace accelerate::runs
