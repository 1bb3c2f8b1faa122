#include "formats/traces/merge_traces.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/files/atomic_file.h"
#include "formats/files/mapped_file.h"

namespace accelerate::traces {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kBase[] = "baseTimeNanoseconds";

absl::Status no_trace(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": this is not a trace in Chrome's format (", why,
                   "); leave it out, or record it again with accelerator.profile()."));
}

absl::StatusOr<json> read_trace(const std::string& path) {
  const absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  // Deeper ones are no trace, and what walks through them would not come back.
  constexpr int kDeepest = 64;
  bool is_too_deep = false;
  const auto look = [&is_too_deep](int depth, json::parse_event_t, const json&) {
    is_too_deep = is_too_deep || depth > kDeepest;
    return !is_too_deep;
  };
  json trace = json::parse(file->bytes().begin(), file->bytes().end(), look,
                           /*allow_exceptions=*/false);
  if (is_too_deep) return no_trace(path, "its JSON is nested too deeply");
  if (trace.is_discarded()) return no_trace(path, "its JSON is cut off or damaged");
  if (!trace.is_object() || !trace.contains("traceEvents") || !trace["traceEvents"].is_array()) {
    return no_trace(path, "it has no `traceEvents`");
  }
  return trace;
}

std::int64_t base_of(const json& trace) {
  const auto found = trace.find(kBase);
  return found != trace.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// Empty where there is no text of the name.
std::string text(const json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// From when to when there are events, in microseconds on the time line of all.
struct Extent {
  double begin = std::numeric_limits<double>::infinity();
  double end = -std::numeric_limits<double>::infinity();

  bool is_empty() const { return begin > end; }
  void add(const json& event) {
    if (text(event, "ph") != "X") return;
    const auto time = event.find("ts"), length = event.find("dur");
    if (time == event.end() || !time->is_number()) return;
    begin = std::min(begin, time->get<double>());
    const bool has_length = length != event.end() && length->is_number();
    end = std::max(end, time->get<double>() + (has_length ? length->get<double>() : 0));
  }
};

// Note [Traces of another run]
// A run of fewer processes leaves the traces of the ranks that it does not have as an earlier run
// has written them. Nothing in a trace says of which run it is, but ranks that train together are
// in one step at the same time.
class SameSteps {
 public:
  // A remark where they do not fit together.
  std::optional<std::string> look(const TraceFile& file, const Extent& extent) {
    if (extent.is_empty()) return std::nullopt;
    const auto [found, is_first] = first_.try_emplace(file.step, file.path, extent);
    if (is_first) return std::nullopt;
    const auto& [path, first] = found->second;
    const double before = first.begin - extent.end, behind = extent.begin - first.end;
    if (before <= 0 && behind <= 0) return std::nullopt;
    return absl::StrFormat(
        "%s ends %.3g s before %s begins, although both are of the same step: one of them may be "
        "left over from another run (remove it), or the clocks of their machines differ.",
        before > 0 ? file.path : path, std::max(before, behind) / 1e6,
        before > 0 ? path : file.path);
  }

 private:
  // Of the lowest rank.
  std::map<std::int64_t, std::pair<std::string, Extent>> first_;
};

// Gives the processes of all ranks numbers of their own, and names.
class Processes {
 public:
  explicit Processes(int rank, int& next) : rank_(rank), next_(next) {}

  int place(const json& pid) {
    const auto [found, is_new] = numbers_.try_emplace(pid.dump(), Own{next_});
    if (is_new) ++next_;
    return found->second.number;
  }

  // What a viewer shows in front of a process's rows, the ranks below each other.
  json names() const {
    json events = json::array();
    for (const auto& [pid, own] : numbers_) {
      events.push_back({{"ph", "M"},
                        {"name", "process_name"},
                        {"pid", own.number},
                        {"tid", 0},
                        {"args", {{"name", absl::StrCat("rank ", rank_, ": ", own.name)}}}});
      events.push_back({{"ph", "M"},
                        {"name", "process_labels"},
                        {"pid", own.number},
                        {"tid", 0},
                        {"args", {{"labels", own.label}}}});
      events.push_back({{"ph", "M"},
                        {"name", "process_sort_index"},
                        {"pid", own.number},
                        {"tid", 0},
                        {"args", {{"sort_index", own.number}}}});
    }
    return events;
  }
  // Takes what the trace itself says of a process; false for other events.
  bool take(const json& event) {
    if (text(event, "ph") != "M" || !event.contains("pid") || !event.contains("args")) {
      return false;
    }
    const std::string name = text(event, "name");
    if (!name.starts_with("process_")) return false;
    place(event["pid"]);
    Own& own = numbers_.at(event["pid"].dump());
    const json& arguments = event["args"];
    if (name == "process_name") own.name = text(arguments, "name");
    if (name == "process_labels") own.label = text(arguments, "labels");
    return true;
  }

 private:
  struct Own {
    int number;
    std::string name = "process";
    std::string label = {};
  };
  int rank_;
  int& next_;
  std::map<std::string, Own> numbers_;
};

// Brings an event to the time line of all; what ties events to each other is the file's own.
void move_event(json& event, size_t file, double shift, Processes& processes) {
  if (event.contains("pid")) event["pid"] = processes.place(event["pid"]);
  const auto time = event.find("ts");
  if (time != event.end() && time->is_number()) *time = time->get<double>() + shift;
  const auto id = event.find("id");
  if (id != event.end()) {
    *id = absl::StrCat(file, ".", id->is_string() ? id->get<std::string>() : id->dump());
  }
}

}  // namespace

absl::StatusOr<std::vector<TraceFile>> find_traces(const std::string& folder) {
  std::error_code error;
  const std::regex name_of_one(R"(profile_(\d{1,6})(?:_step_(\d{1,12}))?\.json)");
  std::vector<std::tuple<int, std::int64_t, std::string>> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    std::smatch match;
    if (!std::regex_match(name, match, name_of_one)) continue;
    found.emplace_back(std::stoi(match[1].str()), match[2].matched ? std::stoll(match[2].str()) : 0,
                       entry.path().string());
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat(folder, ": ", error.message(),
                                            "; give the folder that accelerator.profile() wrote."));
  }
  if (found.empty()) {
    return absl::NotFoundError(
        absl::StrCat(folder,
                     ": there is no profile_RANK.json in this folder; give the one that "
                     "accelerator.profile() wrote."));
  }
  std::sort(found.begin(), found.end());
  std::vector<TraceFile> files;
  for (auto& [rank, step, path] : found) files.push_back({std::move(path), rank, step});
  return files;
}

absl::StatusOr<std::vector<std::string>> merge_traces(const std::vector<TraceFile>& files,
                                                      const std::string& path,
                                                      bool is_named_by_user) {
  absl::StatusOr<AtomicFile> out =
      AtomicFile::create(path, {.overwrite = true, .is_named_by_user = is_named_by_user});
  if (!out.ok()) return out.status();
  std::optional<std::int64_t> base;
  std::map<int, Processes> processes;
  int next_process = 1;
  bool is_first = true;
  SameSteps same_steps;
  std::vector<std::string> remarks;
  const auto append = [&](const json& event) {
    const absl::Status status = out->append(
        absl::StrCat(is_first ? "{\"traceEvents\": [\n" : ",\n",
                     event.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace)));
    is_first = false;
    return status;
  };
  for (const TraceFile& file : files) {
    absl::StatusOr<json> trace = read_trace(file.path);
    if (!trace.ok()) return trace.status();
    // Times are counted in microseconds from a moment that each trace names.
    if (!base.has_value()) base = base_of(*trace);
    const double shift = (static_cast<double>(base_of(*trace)) - static_cast<double>(*base)) / 1000;
    Processes& own = processes.try_emplace(file.rank, file.rank, next_process).first->second;
    Extent extent;
    for (json& event : (*trace)["traceEvents"]) {
      if (!event.is_object()) return no_trace(file.path, "one of its events is not an object");
      if (own.take(event)) continue;
      move_event(event, &file - files.data(), shift, own);
      extent.add(event);
      if (const absl::Status status = append(event); !status.ok()) return status;
    }
    if (auto remark = same_steps.look(file, extent)) remarks.push_back(*std::move(remark));
  }
  for (const auto& [rank, own] : processes) {
    for (const json& event : own.names()) {
      if (const absl::Status status = append(event); !status.ok()) return status;
    }
  }
  absl::Status status =
      out->append(absl::StrCat(is_first ? "{\"traceEvents\": [" : "", "\n],\n\"", kBase,
                               "\": ", base.value_or(0), ", \"displayTimeUnit\": \"ms\"}\n"));
  if (status.ok()) status = out->commit();
  if (!status.ok()) return status;
  return remarks;
}

}  // namespace accelerate::traces
