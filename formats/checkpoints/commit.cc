#include "formats/checkpoints/commit.h"

#include <zlib.h>

#include <filesystem>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "formats/checkpoints/commit_events.h"
#include "formats/files/atomic_file.h"
#include "formats/safetensors/input_file.h"
#include "launcher/text/printable.h"
#include "nlohmann/json.hpp"

namespace accelerate::checkpoints {
namespace {

// Room for a million extents.
constexpr std::uint64_t kLargestCommit = 100'000'000;

// What is no UTF-8 is replaced, for write_commit() to notice.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                                   nlohmann::json::error_handler_t::replace);
}

void append_file(const CheckpointFile& file, std::string& text) {
  absl::StrAppend(&text, "    {\n      \"name\": ", quoted(file.name),
                  ",\n      \"size\": ", file.size, ",\n      \"extents\": [");
  const char* separator = "\n";
  for (const Extent& extent : file.extents) {
    absl::StrAppendFormat(&text, "%s        {\"offset\": %d, \"size\": %d, \"crc32\": \"%08x\"}",
                          separator, extent.offset, extent.size, extent.crc32);
    separator = ",\n";
  }
  absl::StrAppend(&text, file.extents.empty() ? "]" : "\n      ]", "\n    }");
}

// How the text ends, behind all other members: their checksum.
std::string ending(absl::string_view before) {
  const auto* bytes = reinterpret_cast<const Bytef*>(before.data());
  return absl::StrFormat(",\n  \"crc32\": \"%08x\"\n}\n",
                         static_cast<std::uint32_t>(::crc32_z(0, bytes, before.size())));
}

bool has_right_ending(absl::string_view text) {
  static const std::size_t size = ending("").size();
  if (text.size() < size) return false;
  const absl::string_view before = text.substr(0, text.size() - size);
  return absl::EndsWith(text, ending(before));
}

std::string path_of_commit(const std::string& folder) {
  return (std::filesystem::path(folder) / kCommitFile).string();
}

absl::Status too_large(std::uint64_t size) {
  return absl::InvalidArgumentError(
      absl::StrCat("it has ", size, " bytes, and ", kLargestCommit, " are allowed"));
}

}  // namespace

std::uint64_t total_size(const Commit& commit) {
  return std::accumulate(
      commit.files.begin(), commit.files.end(), std::uint64_t{0},
      [](std::uint64_t sum, const CheckpointFile& file) { return sum + file.size; });
}

std::string commit_text(const Commit& commit) {
  std::string text = absl::StrCat(
      "{\n  \"format\": ", quoted(kCommitFormat), ",\n  \"version\": ", kCommitVersion,
      ",\n  \"id\": ", quoted(commit.id), ",\n  \"saved_at\": ", quoted(commit.saved_at),
      ",\n  \"epoch\": ", commit.epoch, ",\n  \"step\": ", commit.step,
      ",\n  \"world_size\": ", commit.world_size, ",\n  \"strategy\": ", quoted(commit.strategy),
      ",\n  \"precision\": ", quoted(commit.precision),
      ",\n  \"library_version\": ", quoted(commit.version), ",\n  \"files\": [");
  const char* separator = "\n";
  for (const CheckpointFile& file : commit.files) {
    text += separator;
    append_file(file, text);
    separator = ",\n";
  }
  text += commit.files.empty() ? "]" : "\n  ]";
  return text + ending(text);
}

absl::StatusOr<Commit> parse_commit(const std::string& text) {
  if (text.size() > kLargestCommit) return too_large(text.size());
  CommitEvents events;
  const bool is_read = nlohmann::json::sax_parse(text, &events);
  if (!has_right_ending(text)) {
    // What it says is still of use where it is from another library, or from a newer version.
    return absl::InvalidArgumentError(
        absl::StrCat("its own checksum does not match, so it was damaged or edited",
                     is_read ? "" : ", and ", events.problem()));
  }
  if (!is_read) return absl::InvalidArgumentError(events.problem());
  return std::move(events).take();
}

absl::StatusOr<Commit> read_commit(const std::string& folder) {
  const std::string path = path_of_commit(folder), shown = launcher::plain(path);
  absl::StatusOr<safetensors::InputFile> file = safetensors::InputFile::open(path);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(absl::StrCat(
        shown,
        " is missing, so this is not a checkpoint, or its saving was interrupted; use another "
        "one."));
  }
  if (!file.ok()) return file.status();
  absl::StatusOr<Commit> commit;
  if (file->size() > kLargestCommit) {
    commit = too_large(file->size());
  } else {
    const absl::StatusOr<std::string> text = file->read(file->size());
    if (!text.ok()) return text.status();
    commit = parse_commit(*text);
  }
  if (commit.ok()) return commit;
  return absl::InvalidArgumentError(absl::StrCat(
      shown, " cannot be read as the commit file of a checkpoint: ", commit.status().message(),
      "; copy it again, or use another checkpoint."));
}

absl::Status write_commit(const std::string& folder, const Commit& commit) {
  const std::string path = path_of_commit(folder), text = commit_text(commit);
  const absl::StatusOr<Commit> read = parse_commit(text);
  if (!read.ok() || *read != commit) {
    return absl::InvalidArgumentError(absl::StrCat(
        launcher::plain(path), " was not written, because it could not be read again: ",
        read.ok() ? "a text in it is not valid UTF-8" : read.status().message(), "."));
  }
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path, {.overwrite = true});
  if (!file.ok()) return file.status();
  const absl::Status appended = file->append(text);
  return appended.ok() ? file->commit() : appended;
}

}  // namespace accelerate::checkpoints
