#include "formats/checkpoints/checkpoint_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/checkpoints/checkpoint_name.h"
#include "formats/checkpoints/descriptor.h"
#include "formats/checkpoints/system_refusal.h"
#include "formats/checkpoints/verify.h"
#include "launcher/text/printable.h"

namespace accelerate::checkpoints {
namespace {

namespace fs = std::filesystem;

// A path of the same folder that ends in its name.
std::string named_path(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::string name = fs::path(path).filename().string();
  if (name != "." && name != "..") return path;
  std::error_code error;
  const fs::path whole = fs::canonical(path, error);
  return error ? path : whole.string();
}

// Of a path that ends in a name.
std::string name_of(const std::string& path) { return fs::path(path).filename().string(); }

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

bool has_commit(const std::string& folder) {
  struct stat status;
  return lstat((fs::path(folder) / kCommitFile).c_str(), &status) == 0;
}

bool is_known_to_lack_commit(const std::string& folder) {
  struct stat status;
  return lstat((fs::path(folder) / kCommitFile).c_str(), &status) != 0 && errno == ENOENT;
}

bool is_link(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

bool is_folder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// The same as is_checkpoint(), for a path that ends in a name.
bool is_checkpoint_at(const std::string& path) {
  // A link that leads nowhere takes up its name all the same.
  if (parse_name(name_of(path)).has_value()) return is_folder(path) || is_link(path);
  return is_folder(path) && has_commit(path);
}

absl::Status no_folder(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat(launcher::plain(path), ": there is no such folder; correct the path."));
}

// What has been written of a folder itself: which names are in it.
absl::Status sync_folder(const std::string& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems of networks sync no folders, and need not.
  if (folder.is_open() && (fsync(folder.get()) == 0 || errno == EINVAL)) return absl::OkStatus();
  return system_refusal(path, "cannot be flushed to the disk", errno);
}

// The names of all that is in a folder.
absl::StatusOr<std::vector<std::string>> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) {
    if (errno == ENOENT || errno == ENOTDIR) return no_folder(path);
    return system_refusal(path, "cannot be read", errno);
  }
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr && errno != 0) return system_refusal(path, "cannot be read", errno);
    if (entry == nullptr) return names;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
}

// The names of all that is in a checkpoint. InvalidArgument where one of them is no file.
absl::StatusOr<std::vector<std::string>> files_in(const std::string& path) {
  absl::StatusOr<std::vector<std::string>> names = names_in(path);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    struct stat status;
    if (lstat((fs::path(path) / name).c_str(), &status) != 0) continue;
    if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(launcher::plain(path), " holds ", launcher::printable(name),
                     S_ISDIR(status.st_mode) ? ", a folder" : ", not a regular file",
                     ", which no checkpoint holds, so nothing is removed; move it elsewhere."));
  }
  return names;
}

bool lacks_flags_of_rename(int error) { return error == EINVAL || error == ENOSYS; }

// Renames unless something has that name. False, with errno, where it fails.
bool rename_if_free(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (!lacks_flags_of_rename(errno)) return false;
  // This file system cannot look and rename in one step. Of what comes in between, an empty folder
  // is replaced, and anything else makes the renaming fail.
  struct stat status;
  if (lstat(to.c_str(), &status) == 0) {
    errno = EEXIST;
    return false;
  }
  return rename(from.c_str(), to.c_str()) == 0;
}

absl::Status cannot_publish(const std::string& from, const std::string& to, int error) {
  return system_refusal(
      from, absl::StrCat("is whole, but cannot be renamed to ", launcher::plain(to)), error);
}

// Whether what has the path may be taken away for another checkpoint.
absl::Status check_replaceable(const std::string& path) {
  const auto refusal = [&path](absl::string_view why) {
    return absl::AlreadyExistsError(absl::StrCat(launcher::plain(path), " already exists and ", why,
                                                 " Or save under another path."));
  };
  if (!is_folder(path) || !has_commit(path)) {
    return refusal("is not a checkpoint, so it is not replaced; move it elsewhere.");
  }
  if (is_link(path)) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> files = files_in(path);
  return files.ok() ? absl::OkStatus()
                    : refusal(absl::StrCat("is not replaced: ", files.status().message()));
}

// Gives `from` the name of the checkpoint `to`, in two steps and so that either is there under some
// name: `to` has been moved to `aside` then.
absl::Status replace_in_two_steps(const std::string& from, const std::string& to,
                                  const std::string& aside) {
  if (!rename_if_free(to, aside)) return cannot_publish(from, to, errno);
  if (rename_if_free(from, to)) return absl::OkStatus();
  const int error = errno;
  rename_if_free(aside, to);
  return cannot_publish(from, to, error);
}

// Removes a folder that has the name of an unfinished one, and files in it by their names.
absl::Status remove_folder(const std::string& path, const std::vector<std::string>& files) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const auto remove = [&folder](const std::string& name) {
    return unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT;
  };
  // First, so that nobody takes the rest for a whole one.
  if (!folder.is_open() || !remove(kCommitFile) ||
      !std::all_of(files.begin(), files.end(), remove) || rmdir(path.c_str()) != 0) {
    return system_refusal(path, "cannot be removed completely", errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> new_id() {
  char bytes[8];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
    return absl::InternalError("the system has no random numbers; try again.");
  }
  return absl::BytesToHexString(absl::string_view(bytes, sizeof(bytes)));
}

std::string fault_of_unfinished(const std::string& path, const CheckpointName& name) {
  const absl::StatusOr<Commit> commit = read_commit(path);
  const std::string finished = (fs::path(parent_of(path)) / name.finished).string();
  struct stat status;
  if (commit.ok() && verify_sizes(path, *commit).ok() && lstat(finished.c_str(), &status) != 0) {
    return absl::StrCat(launcher::plain(path), " is whole, but its renaming was interrupted; ",
                        "rename it to ", launcher::printable(name.finished), " to use it.");
  }
  return absl::StrCat(
      launcher::plain(path),
      " is unfinished: its saving or its removal was interrupted, or is under way.");
}

// What has the name of a checkpoint, or was named by a person.
FoundCheckpoint described(const std::string& path) {
  FoundCheckpoint found = {.path = path};
  if (const std::optional<CheckpointName> name = parse_name(name_of(path))) {
    found.number = name->number;
    found.is_unfinished = !name->id.empty();
    if (found.is_unfinished) {
      found.fault = fault_of_unfinished(path, *name);
      return found;
    }
  }
  absl::StatusOr<Commit> commit = read_commit(path);
  absl::Status status = commit.status();
  if (status.ok()) status = verify_sizes(path, *commit);
  if (status.ok()) {
    found.commit = *std::move(commit);
  } else {
    found.fault = std::string(status.message());
    found.lacks_commit_file = is_folder(path) && is_known_to_lack_commit(path);
  }
  return found;
}

}  // namespace

std::string checkpoint_path(const std::string& folder, std::int64_t number) {
  return (fs::path(folder) / absl::StrCat(kCheckpointPrefix, number)).string();
}

std::string unfinished_path(const std::string& path, const std::string& id) {
  return path_beside(path, id, kUnfinishedSuffix);
}

absl::StatusOr<std::vector<FoundCheckpoint>> find_checkpoints(const std::string& folder) {
  const absl::StatusOr<std::vector<std::string>> names = names_in(folder);
  if (!names.ok()) return names.status();
  std::vector<FoundCheckpoint> found;
  for (const std::string& name : *names) {
    const std::string path = (fs::path(folder) / name).string();
    if (parse_name(name).has_value() && is_checkpoint_at(path)) found.push_back(described(path));
  }
  // Of one number, what is unfinished comes first.
  const auto place = [](const FoundCheckpoint& each) {
    return std::make_tuple(each.number, !each.is_unfinished, each.path);
  };
  std::sort(found.begin(), found.end(),
            [&place](const auto& left, const auto& right) { return place(left) < place(right); });
  return found;
}

absl::StatusOr<std::int64_t> next_number(const std::string& folder) {
  const absl::StatusOr<std::vector<std::string>> names = names_in(folder);
  if (absl::IsNotFound(names.status())) return 0;
  if (!names.ok()) return names.status();
  std::int64_t last = -1;
  for (const std::string& each : *names) {
    const std::optional<CheckpointName> name = parse_name(each);
    if (name.has_value() && name->id.empty()) last = std::max(last, *name->number);
  }
  if (last == std::numeric_limits<std::int64_t>::max()) {
    return absl::FailedPreconditionError(absl::StrCat("there is no number after ",
                                                      checkpoint_path(folder, last),
                                                      "; rename it, or save to another folder."));
  }
  return last + 1;
}

absl::StatusOr<FoundCheckpoint> find_checkpoint(const std::string& path) {
  const std::string named = named_path(path);
  struct stat status;
  if (stat(named.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return no_folder(path);
    return system_refusal(path, "cannot be read", errno);
  }
  if (!S_ISDIR(status.st_mode)) return no_folder(path);
  FoundCheckpoint found = described(named);
  found.path = path;
  return found;
}

bool is_checkpoint(const std::string& path) { return is_checkpoint_at(named_path(path)); }

absl::Status publish(const std::string& unfinished, const std::string& path) {
  const std::string from = named_path(unfinished), to = named_path(path);
  const std::optional<CheckpointName> name = parse_name(name_of(from));
  if (!name.has_value() || name->id.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(launcher::plain(from),
                     " is not named like an unfinished checkpoint; save to the path that "
                     "unfinished_path() returns."));
  }
  const absl::StatusOr<Commit> commit = read_commit(from);
  if (!commit.ok()) return commit.status();
  // Somebody may have removed files that were written, and a new commit does not bring them back.
  if (const absl::Status sizes = verify_sizes(from, *commit); !sizes.ok()) return sizes;
  if (const absl::Status synced = sync_folder(from); !synced.ok()) return synced;
  if (rename_if_free(from, to)) return sync_folder(parent_of(to));
  if (errno != EEXIST) return cannot_publish(from, to, errno);

  if (const absl::Status status = check_replaceable(to); !status.ok()) return status;
  std::string old = from;
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) {
    if (!lacks_flags_of_rename(errno)) return cannot_publish(from, to, errno);
    old = path_beside(to, name->id, kReplacedSuffix);
    const absl::Status status = replace_in_two_steps(from, to, old);
    if (!status.ok()) return status;
  }
  if (const absl::Status synced = sync_folder(parent_of(to)); !synced.ok()) return synced;
  // The new checkpoint is there in any case. What may stay of the old one has the name of an
  // unfinished one, and goes with those.
  remove_checkpoint(old).IgnoreError();
  return absl::OkStatus();
}

absl::Status remove_checkpoint(const std::string& path) {
  const std::string named = named_path(path);
  struct stat status;
  if (lstat(named.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return no_folder(path);
    return system_refusal(path, "cannot be removed", errno);
  }
  if (!is_checkpoint_at(named)) {
    return absl::InvalidArgumentError(absl::StrCat(
        launcher::plain(path), " is not a checkpoint, so it is not removed; name one."));
  }
  const std::string parent = parent_of(named);
  if (S_ISLNK(status.st_mode)) {
    if (unlink(named.c_str()) != 0) return system_refusal(path, "cannot be removed", errno);
    return sync_folder(parent);
  }
  const absl::StatusOr<std::vector<std::string>> files = files_in(named);
  if (!files.ok()) return files.status();
  // Rather now than when it has lost its name.
  if (faccessat(AT_FDCWD, named.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return system_refusal(path, "cannot be removed", errno);
  }
  std::string unfinished = named;
  if (const auto name = parse_name(name_of(named)); !name.has_value() || name->id.empty()) {
    const absl::StatusOr<std::string> id = new_id();
    if (!id.ok()) return id.status();
    unfinished = unfinished_path(named, *id);
    if (!rename_if_free(named, unfinished)) {
      return system_refusal(path, "cannot be removed", errno);
    }
    // A machine that fails must not bring back the name without the files.
    if (const absl::Status synced = sync_folder(parent); !synced.ok()) return synced;
  }
  return remove_folder(unfinished, *files);
}

absl::Status remove_unfinished(const std::string& folder, const std::string& except_id) {
  const absl::StatusOr<std::vector<std::string>> names = names_in(folder);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  absl::Status first_error;
  for (const std::string& each : *names) {
    const std::optional<CheckpointName> name = parse_name(each);
    if (!name.has_value() || name->id.empty() || name->id == except_id) continue;
    // It may be the only one of its name, where replacing it was interrupted.
    if (name->is_replaced && !has_commit((fs::path(folder) / name->finished).string())) continue;
    const std::string path = (fs::path(folder) / each).string();
    if (!is_checkpoint_at(path)) continue;
    const absl::Status removed = remove_checkpoint(path);
    // Somebody else may have removed it.
    if (!absl::IsNotFound(removed)) first_error.Update(removed);
  }
  return first_error;
}

absl::Status keep_newest(const std::string& folder, std::int64_t keep) {
  if (keep < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        keep, " checkpoints of ", launcher::plain(folder), " cannot be kept; give 0 or more."));
  }
  absl::StatusOr<std::vector<FoundCheckpoint>> found = find_checkpoints(folder);
  if (!found.ok()) return found.status();
  std::erase_if(*found, [](const FoundCheckpoint& each) { return !each.commit.has_value(); });
  const auto whole = static_cast<std::int64_t>(found->size());
  for (std::int64_t i = 0; i < whole - keep; ++i) {
    const absl::Status removed = remove_checkpoint((*found)[static_cast<std::size_t>(i)].path);
    if (!removed.ok()) return removed;
  }
  return absl::OkStatus();
}

}  // namespace accelerate::checkpoints
