#include "accelerate/tape/recording_summary.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace accelerate {
namespace {

std::vector<const RecordedEntry*> steps_of(const Recording& recording) {
  std::vector<const RecordedEntry*> steps;
  for (const RecordedEntry& entry : recording.entries) {
    if (!entry.is_bookkeeping) steps.push_back(&entry);
  }
  return steps;
}

}  // namespace

RecordingSummary::RecordingSummary(const Recording& recording) : trace_(recording.trace) {
  for (const RecordedEntry* entry : steps_of(recording))
    lines_.push_back({entry->name, entry->texts});
  for (const RecordedStorage& each : recording.storages)
    storages_.emplace_back(each.storage.getWeakStorageImpl());
}

std::optional<std::string> RecordingSummary::difference(const Recording& later) const {
  const std::vector<const RecordedEntry*> steps = steps_of(later);
  const size_t common = std::min(lines_.size(), steps.size());
  for (size_t i = 0; i < common; ++i) {
    const Line& line = lines_[i];
    const RecordedEntry& entry = *steps[i];
    if (line.name != entry.name) {
      return c10::str("it does something different from one call to the next: where `", line.name,
                      "` was, there is now `", entry.name, "`");
    }
    for (size_t k = 0; k < line.texts.size(); ++k) {
      if (line.texts[k].text == entry.texts[k].text) continue;
      return c10::str("`", entry.name, "` gets a different `", entry.texts[k].name,
                      "` in each call (", line.texts[k].text, " and then ", entry.texts[k].text,
                      "); pass the value that changes as an argument of the step, in a tensor");
    }
  }
  if (lines_.size() == steps.size()) return std::nullopt;
  const bool longer = steps.size() > common;
  return c10::str("it does something different from one call to the next: `",
                  longer ? steps[common]->name : lines_[common].name,
                  longer ? "` was not there before" : "` is not there any more");
}

}  // namespace accelerate
