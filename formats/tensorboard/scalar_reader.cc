#include "formats/tensorboard/scalar_reader.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/tensorboard/event_file_name.h"
#include "formats/tensorboard/fields.h"
#include "formats/tensorboard/message.h"
#include "formats/tensorboard/records.h"
#include "launcher/text/printable.h"

namespace accelerate::tensorboard {
namespace {

// The bytes of the message that a message has in a field; empty where it has none.
absl::string_view message_in(absl::string_view bytes, int field) {
  absl::string_view found;
  for (MessageReader reader(bytes); reader.next();) {
    if (reader.field() == static_cast<std::uint64_t>(field)) found = reader.bytes();
  }
  return found;
}

// The first number of a tensor of floats or doubles, whichever of their forms it has.
std::optional<double> first_number(absl::string_view bytes) {
  std::int64_t type = 0;
  std::optional<double> number;
  absl::string_view content;
  for (MessageReader reader(bytes); reader.next();) {
    if (reader.field() == tensor::kType) type = reader.integer();
    if (reader.field() == tensor::kFloats) number = reader.first<float>();
    if (reader.field() == tensor::kDoubles) number = reader.first<double>();
    if (reader.field() == tensor::kContent) content = reader.bytes();
  }
  const auto raw = [content](auto zero) {
    std::memcpy(&zero, content.data(), sizeof(zero));
    return zero;
  };
  if (type == tensor::kFloat && content.size() >= sizeof(float)) return raw(0.0f);
  if (type == tensor::kDouble && content.size() >= sizeof(double)) return raw(0.0);
  return type == tensor::kFloat || type == tensor::kDouble ? number : std::nullopt;
}

class Run {
 public:
  void take(absl::string_view event) {
    metrics::Point point;
    absl::string_view summary;
    bool starts = false;
    for (MessageReader reader(event); reader.next();) {
      if (reader.field() == event::kWallTime) point.time = reader.number();
      if (reader.field() == event::kStep) point.step = reader.integer();
      if (reader.field() == event::kSummary) summary = reader.bytes();
      if (reader.field() == event::kSessionLog) starts = is_start(reader.bytes());
    }
    if (starts) purge(point.step);
    for (MessageReader reader(summary); reader.next();) {
      if (reader.field() == summary::kValue) take_value(reader.bytes(), point);
    }
  }

  metrics::History history;

 private:
  static bool is_start(absl::string_view log) {
    MessageReader reader(log);
    while (reader.next()) {
      if (reader.field() == session_log::kStatus) return reader.integer() == session_log::kStart;
    }
    return false;
  }

  void take_value(absl::string_view bytes, metrics::Point point) {
    absl::string_view tag, metadata, tensor;
    std::optional<double> number;
    for (MessageReader reader(bytes); reader.next();) {
      if (reader.field() == value::kTag) tag = reader.bytes();
      if (reader.field() == value::kSimpleValue) number = reader.single();
      if (reader.field() == value::kTensor) tensor = reader.bytes();
      if (reader.field() == value::kMetadata) metadata = reader.bytes();
    }
    const std::string name(tag);
    if (!number.has_value() && !tensor.empty()) {
      // Only the first value of a name says whose it is.
      const absl::string_view data = message_in(metadata, metadata::kPluginData);
      if (message_in(data, plugin_data::kName) == "scalars") scalar_tensors_.insert(name);
      if (scalar_tensors_.count(name) > 0) number = first_number(tensor);
    }
    if (!number.has_value()) return;
    point.value = *number;
    history.series[name].push_back(point);
  }

  void purge(std::int64_t step) {
    for (auto& [name, points] : history.series) {
      std::erase_if(points, [step](const metrics::Point& point) { return point.step >= step; });
    }
    std::erase_if(history.series, [](const auto& each) { return each.second.empty(); });
  }

  std::set<std::string> scalar_tensors_;
};

void read_file(const std::string& path, Run& run) {
  const auto remark = [&](absl::string_view what) {
    run.history.remarks.push_back(absl::StrCat(launcher::plain(path), " ", what));
  };
  absl::StatusOr<RecordReader> reader = RecordReader::open(path);
  if (!reader.ok()) {
    run.history.remarks.emplace_back(reader.status().message());
    return;
  }
  int damaged = 0;
  while (true) {
    switch (reader->next()) {
      case RecordReader::Outcome::kRecord:
        run.take(reader->data());
        continue;
      case RecordReader::Outcome::kDamaged:
        ++damaged;
        continue;
      case RecordReader::Outcome::kCutOff:
        remark("is cut off; what comes before was read.");
        break;
      case RecordReader::Outcome::kLost:
        remark("is damaged; what comes before was read.");
        break;
      case RecordReader::Outcome::kEnd:
        break;
    }
    break;
  }
  if (damaged > 0) remark(absl::StrCat("has ", damaged, " damaged records, which were left out."));
}

}  // namespace

absl::StatusOr<metrics::History> read_scalars(const std::string& folder) {
  const absl::StatusOr<std::vector<std::string>> files = find_event_files(folder);
  if (!files.ok()) return files.status();
  if (files->empty()) {
    return absl::NotFoundError(absl::StrCat(launcher::plain(folder),
                                            " has no event files of TensorBoard; give the folder "
                                            "that holds them."));
  }
  Run run;
  for (const std::string& path : *files) read_file(path, run);
  return std::move(run.history);
}

}  // namespace accelerate::tensorboard
