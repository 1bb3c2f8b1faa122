#include "formats/metrics/run_folder.h"

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/files/atomic_file.h"
#include "formats/files/mapped_file.h"
#include "formats/tensorboard/event_file_name.h"
#include "launcher/text/printable.h"

namespace accelerate::metrics {
namespace {

using nlohmann::ordered_json;

absl::Status write_config(const std::string& path, const RunConfig& config) {
  const ordered_json document = {
      {"name", config.name}, {"started_at", config.started_at}, {"config", config.values}};
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  const std::string text =
      document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  if (const absl::Status status = file->append(text); !status.ok()) return status;
  return file->commit();
}

// Of files with metrics whose run has no config.json.
bool has_metrics(const std::string& folder) {
  for (const char* file : {kJsonlFile, kCsvFile}) {
    std::error_code error;
    const auto status = std::filesystem::symlink_status(absl::StrCat(folder, "/", file), error);
    if (std::filesystem::exists(status)) return true;
  }
  const auto events = tensorboard::find_event_files(folder);
  return events.ok() && !events->empty();
}

}  // namespace

absl::StatusOr<RunConfig> read_run_config(const std::string& path) {
  const absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const absl::string_view text = file->bytes();
  // Values are copied and written level by level, which a file of a million brackets must not
  // abuse.
  const auto is_shallow = [](int depth, ordered_json::parse_event_t, const ordered_json&) {
    constexpr int kDeepest = 100;
    return depth <= kDeepest;
  };
  const ordered_json document =
      ordered_json::parse(text.begin(), text.end(), is_shallow, /*allow_exceptions=*/false);
  const auto member = [&document](const char* name) {
    const auto found = document.find(name);
    return found == document.end() ? ordered_json() : *found;
  };
  if (!document.is_object() || !member("name").is_string() || !member("started_at").is_number() ||
      !member("config").is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(launcher::plain(path),
                     " is not the config of a run: an object with `name`, `started_at` and "
                     "`config` was expected."));
  }
  return RunConfig{.name = member("name").get<std::string>(),
                   .started_at = member("started_at").get<double>(),
                   .values = member("config")};
}

absl::Status check_run_name(const std::string& name) {
  constexpr std::size_t kLongest = 255;  // Bytes of a file's name, on nearly all disks.
  if (name.empty() || name == "." || name == ".." || name.size() > kLongest ||
      name.find_first_of(std::string("/\0", 2)) != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(launcher::printable(name),
                     " cannot be the name of a run, which becomes a folder; use letters, "
                     "digits, `-` and `_`, at most ",
                     kLongest, " of them."));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> claim_run(const std::string& folder, const RunConfig& config) {
  for (int number = 1;; ++number) {
    RunConfig numbered = config;
    if (number > 1) absl::StrAppend(&numbered.name, "-", number);
    absl::Status status = check_run_name(numbered.name);
    if (!status.ok()) return status;
    const std::string run = absl::StrCat(folder, "/", numbered.name);
    if (has_metrics(run)) continue;
    // Only one of those who come at once can make the file.
    status = write_config(absl::StrCat(run, "/", kConfigFile), numbered);
    if (status.ok()) return numbered.name;
    if (!absl::IsAlreadyExists(status)) return status;
  }
}

}  // namespace accelerate::metrics
