// The folder in which a run saves its checkpoints: `checkpoint_0`, `checkpoint_1`, ..., and
// unfinished ones such as `checkpoint_2.0123456789abcdef.unfinished`.
//
// Example:
//   absl::StatusOr<std::vector<FoundCheckpoint>> found = find_checkpoints("run1");
//   if (!found.ok()) return fail(found.status());
//   for (const FoundCheckpoint& each : *found) std::cout << each.path << "\n";
//
// A checkpoint gets and loses its name atomically: whenever the process is killed, a folder with
// the name is whole. If the file system cannot exchange two folders (NFS cannot), a checkpoint that
// is being replaced is called `checkpoint_2.0123456789abcdef.replaced` for a moment in which
// nothing has its name. All errors name the path and what to do. Thread-safe, as long as no two
// threads work on one checkpoint.
//
// Not for other folders: what is not named like this is neither listed nor removed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/checkpoints/commit.h"

namespace accelerate::checkpoints {

struct FoundCheckpoint {
  std::string path;
  // The number in its name; none if the folder has another name.
  std::optional<std::int64_t> number = {};
  // None if it is not a whole checkpoint; `fault` then says why, in a sentence.
  std::optional<Commit> commit = {};
  std::string fault = "";
  // According to its name, whatever it contains.
  bool is_unfinished = false;
  // Whether it is known to have no commit file, because its saving was interrupted. A folder that
  // has the file, or cannot be read, may be all that is left of a run.
  bool lacks_commit_file = false;
};

// The path of checkpoint `number`.
std::string checkpoint_path(const std::string& folder, std::int64_t number);
// Where a checkpoint is written before it gets its path. On the same file system.
std::string unfinished_path(const std::string& path, const std::string& id);

// The checkpoints in the folder, by number, the newest last: whole ones, damaged ones (whose commit
// file is missing or damaged, or whose files are missing or have another size) and unfinished ones.
// NotFound if there is no such folder.
absl::StatusOr<std::vector<FoundCheckpoint>> find_checkpoints(const std::string& folder);
// The number after the largest one in the folder, or 0; reads no checkpoint. FailedPrecondition if
// there is no larger number.
absl::StatusOr<std::int64_t> next_number(const std::string& folder);
// One checkpoint, whatever the name of its folder. NotFound if there is no such folder.
absl::StatusOr<FoundCheckpoint> find_checkpoint(const std::string& path);
// Whether the folder is named like a checkpoint, finished or not, or has a commit file. For a path
// from a user, which may also be a folder of checkpoints.
bool is_checkpoint(const std::string& path);

// Gives the unfinished folder its path atomically, and flushes the change to the disk. Its files
// must be on the disk already (fsync), and so must its commit file. Replaces a checkpoint that has
// the path; AlreadyExists if a folder or a file that is not a checkpoint, or a checkpoint that
// contains other folders, has it.
absl::Status publish(const std::string& unfinished, const std::string& path);

// Removes a checkpoint, finished or not, with all its files; if the path is a symbolic link, only
// the link. An interrupted removal leaves an unfinished checkpoint. To protect other data,
// InvalidArgument if the folder is not a checkpoint or contains other folders; NotFound if it does
// not exist.
absl::Status remove_checkpoint(const std::string& path);
// Removes the unfinished checkpoints in the folder, except the one with this id. Continues after an
// error, and returns the first one. Keeps a checkpoint whose replacement was interrupted.
absl::Status remove_unfinished(const std::string& folder, const std::string& except_id);
// Removes the whole checkpoints with the smallest numbers until `keep` are left.
absl::Status keep_newest(const std::string& folder, std::int64_t keep);

}  // namespace accelerate::checkpoints
