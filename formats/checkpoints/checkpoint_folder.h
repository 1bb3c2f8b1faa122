// The folder that a run saves its checkpoints in: `checkpoint_0`, `checkpoint_1`, ..., and beside
// them what is unfinished, as `checkpoint_2.0123456789abcdef.unfinished`.
//
// Example:
//   absl::StatusOr<std::vector<FoundCheckpoint>> found = find_checkpoints("run1");
//   if (!found.ok()) return fail(found.status());
//   for (const FoundCheckpoint& each : *found) std::cout << each.path << "\n";
//
// A checkpoint appears under its name in one moment and disappears in one: whatever kills the
// process in between, what has the name is whole. Where the file system cannot exchange two folders
// (NFS cannot), a checkpoint that another one replaces is `checkpoint_2.0123456789abcdef.replaced`
// for a moment in which nothing has the name. All errors name the path and what to do. Thread-safe,
// as far as no two work on one checkpoint.
//
// Not for folders of others: what is not named like this is neither listed nor removed.
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
  // Of its name; none where the folder was given a name of its own.
  std::optional<std::int64_t> number = {};
  // None where it is no whole checkpoint, and then why, in a sentence.
  std::optional<Commit> commit = {};
  std::string fault = "";
  // By its name, whatever it holds.
  bool is_unfinished = false;
  // Whether it is known to have no commit file, as where its saving was interrupted. One that has
  // the file, or cannot be looked into, may be all that there is of a run.
  bool lacks_commit_file = false;
};

// The path of checkpoint `number`.
std::string checkpoint_path(const std::string& folder, std::int64_t number);
// Where a checkpoint is written before it has its path. On the same file system.
std::string unfinished_path(const std::string& path, const std::string& id);

// What is in the folder, by number, the newest last: whole checkpoints, damaged ones (without a
// commit file, or a damaged one, or files that are missing or of another size) and unfinished ones.
// Nothing where it is empty; NotFound where there is no such folder.
absl::StatusOr<std::vector<FoundCheckpoint>> find_checkpoints(const std::string& folder);
// The number after the largest one in the folder, or 0; reads no checkpoint. FailedPrecondition
// where there is no number after it.
absl::StatusOr<std::int64_t> next_number(const std::string& folder);
// One checkpoint, whatever its folder's name. NotFound where there is no such folder.
absl::StatusOr<FoundCheckpoint> find_checkpoint(const std::string& path);
// Whether the folder is named like a checkpoint, finished or not, or has a commit file. For a path
// that a person gives, which may as well be that of a folder of checkpoints.
bool is_checkpoint(const std::string& path);

// Gives the unfinished folder its path in one moment, and sees to it that this is on the disk. Its
// files must be there already (fsync), and its commit file. A checkpoint that has the path is
// replaced; AlreadyExists where a folder or a file that is no checkpoint has it, or one that holds
// other folders.
absl::Status publish(const std::string& unfinished, const std::string& path);

// Removes a checkpoint, finished or not, with all files in it; where the path is a symbolic link,
// that alone. What is interrupted leaves an unfinished one. InvalidArgument where the folder is
// neither, or holds other folders, so that nothing else is lost; NotFound where there is none.
absl::Status remove_checkpoint(const std::string& path);
// Removes what is unfinished in the folder, but for the checkpoint with this id; also where it
// cannot remove all of it, of which it returns the first error. A checkpoint that was to be
// replaced, and was not, stays.
absl::Status remove_unfinished(const std::string& folder, const std::string& except_id);
// Removes whole checkpoints of the folder, those of the smallest numbers, until `keep` are left.
absl::Status keep_newest(const std::string& folder, std::int64_t keep);

}  // namespace accelerate::checkpoints
