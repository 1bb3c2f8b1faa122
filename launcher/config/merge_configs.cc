#include "launcher/config/merge_configs.h"

#include <variant>

#include "launcher/config/config_keys.h"

namespace accelerate::launcher {
namespace {

ConfigSection with_long_keys(const std::string& name, const ConfigSection& section) {
  ConfigSection result;
  for (const auto& [key, value] : section) result[long_section_key(name, key)] = value;
  return result;
}

template <class Value>
void fill(const std::string&, std::optional<Value>& over, const std::optional<Value>& base) {
  if (!over.has_value()) over = base;
}

void fill(const std::string& name, ConfigSection& over, const ConfigSection& base) {
  over = with_long_keys(name, over);
  over.merge(with_long_keys(name, base));
}

}  // namespace

LaunchConfig merge_configs(LaunchConfig over, const LaunchConfig& base) {
  for (const ConfigKey& key : config_keys()) {
    std::visit([&](auto member) { fill(key.name, over.*member, base.*member); }, key.member);
  }
  return over;
}

}  // namespace accelerate::launcher
