#include "launcher/config/read_config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/config/config_from_node.h"
#include "launcher/config/config_node.h"
#include "launcher/config/json_reader.h"
#include "launcher/config/yaml_reader.h"
#include "launcher/names/command_name.h"
#include "launcher/text/utf8.h"

namespace accelerate::launcher {
namespace {

absl::Status cannot_read(const std::string& path, const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("The config file `", path, "` cannot be read: ", why, "."));
}

absl::Status too_large(const std::string& path) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": the file has more than ", kMaxConfigBytes,
                   " bytes, which no config needs; is it the right file?"));
}

absl::StatusOr<std::string> read_descriptor(int descriptor, const std::string& path) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return cannot_read(path, std::strerror(errno));
  // To read from a pipe or a terminal could take forever.
  if (!S_ISREG(status.st_mode)) {
    return cannot_read(path, "it is not a regular file; name one");
  }
  std::string text;
  char chunk[1 << 14];
  while (text.size() <= kMaxConfigBytes) {
    const ssize_t size = read(descriptor, chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return cannot_read(path, std::strerror(errno));
    if (size == 0) return text;
    text.append(chunk, static_cast<std::size_t>(size));
  }
  return too_large(path);
}

absl::StatusOr<std::string> read_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return absl::NotFoundError(
        absl::StrCat("The passed configuration file `", path,
                     "` does not exist. Please pass an existing file, or make one with `",
                     command_name(), " config`."));
  }
  if (descriptor < 0 && errno == EACCES) {
    return cannot_read(path,
                       "permission denied; let this user read it and search its folders, or name "
                       "another file (--config_file)");
  }
  if (descriptor < 0) return cannot_read(path, std::strerror(errno));
  absl::StatusOr<std::string> text = read_descriptor(descriptor, path);
  close(descriptor);
  return text;
}

// What neither format allows in a file, so that the parsers never meet it.
absl::Status check_characters(const std::string& text, const std::string& path) {
  const std::size_t broken = find_no_utf8(text);
  const auto found = std::find_if(text.begin(), text.begin() + broken, [](unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
  });
  if (found == text.end()) return absl::OkStatus();
  const auto line = 1 + std::count(text.begin(), found, '\n');
  return absl::InvalidArgumentError(
      absl::StrCat(path, ":", line, ": a character is not valid UTF-8; remove it, or save the ",
                   "file as UTF-8."));
}

std::vector<std::string> lines_of(std::vector<ConfigRemark> remarks, const std::string& path) {
  std::stable_sort(remarks.begin(), remarks.end(),
                   [](const ConfigRemark& a, const ConfigRemark& b) { return a.line < b.line; });
  std::vector<std::string> lines;
  for (const ConfigRemark& remark : remarks) {
    const std::string place = remark.line == 0 ? path : absl::StrCat(path, ":", remark.line);
    lines.push_back(absl::StrCat(place, ": ", remark.text));
  }
  return lines;
}

// So many lines tell enough of a file that is no config at all.
std::string join_errors(std::vector<std::string> lines) {
  constexpr std::size_t kMost = 10;
  if (lines.size() > kMost) {
    const std::size_t more = lines.size() - kMost;
    lines.resize(kMost);
    lines.push_back(absl::StrCat("and ", more, " more."));
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace

absl::StatusOr<ReadConfig> read_config(const std::string& path) {
  const absl::StatusOr<std::string> text = read_file(path);
  if (!text.ok()) return text.status();
  return parse_config(*text, path);
}

absl::StatusOr<ReadConfig> parse_config(const std::string& text, const std::string& path) {
  if (text.size() > kMaxConfigBytes) return too_large(path);
  const absl::Status characters = check_characters(text, path);
  if (!characters.ok()) return characters;
  const absl::StatusOr<ConfigNode> document =
      absl::EndsWith(path, ".json") ? parse_json(text, path) : parse_yaml(text, path);
  if (!document.ok()) return document.status();
  if (document->kind == ConfigNode::Kind::kNull) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the file is empty; write it again, for example with `",
                     command_name(), " config`."));
  }
  if (document->kind != ConfigNode::Kind::kMap) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", document->line,
                     ": the file holds no keys with values; write lines such as `debug: false`."));
  }
  ReadConfig result;
  const ConfigRemarks remarks = fill_from_node(*document, result.config);
  if (!remarks.errors.empty()) {
    return absl::InvalidArgumentError(join_errors(lines_of(remarks.errors, path)));
  }
  result.warnings = lines_of(remarks.warnings, path);
  return result;
}

}  // namespace accelerate::launcher
