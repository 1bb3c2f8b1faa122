// Checkpoints of a process that is killed at any of its system calls, and those of a file system
// that cannot exchange two folders, which such a kernel call is refused for.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/testing/saved_checkpoint.h"
#include "formats/checkpoints/verify.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::checkpoints {
namespace {

namespace fs = std::filesystem;

using ::testing::AnyOf;
using ::testing::ElementsAre;

const char kOldId[] = "00000000000000aa";
const char kNewId[] = "00000000000000bb";

void save(const std::string& path, const std::string& id) {
  save_checkpoint(path, {{"a", "text of " + id}, {"b", "more of " + id}}, {.id = id});
}

// From now on this thread finds that no file system takes a flag for renaming. False where that
// cannot be had.
bool refuse_flags_of_rename() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[4])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Whether it could be run like that.
bool run_without_flags_of_rename(const std::function<void()>& function) {
  bool is_refused = false;
  std::thread([&] {
    is_refused = refuse_flags_of_rename();
    if (is_refused) function();
  }).join();
  return is_refused;
}

// Runs a function in a process that is killed when it has begun or ended this many system calls.
// Whether it was killed; nothing where no process can be watched here.
std::optional<bool> is_killed_at(int stop, const std::function<void()>& function) {
  constexpr int kNotWatched = 99;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(kNotWatched);
    raise(SIGSTOP);
    function();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) return std::nullopt;
  for (int i = 0; i < stop; ++i) {
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    if (WIFSTOPPED(status)) continue;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    return false;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return true;
}

// Calls `function` in a fresh folder that `prepare` fills, killed once at each place, and looks
// with `check` at what is left.
void kill_everywhere(const std::function<void(const std::string&)>& prepare,
                     const std::function<void(const std::string&)>& function,
                     const std::function<void(const std::string&)>& check) {
  int stop = 0;
  while (true) {
    const std::string folder = new_checkpoint_folder();
    prepare(folder);
    const std::optional<bool> is_killed = is_killed_at(stop, [&] { function(folder); });
    if (!is_killed.has_value()) GTEST_SKIP() << "this machine lets no process be watched";
    SCOPED_TRACE("killed at stop " + std::to_string(stop));
    check(folder);
    fs::remove_all(folder);
    if (testing::Test::HasFailure() || !*is_killed) break;
    ++stop;
  }
  EXPECT_GT(stop, 10);
}

bool is_whole(const std::string& path) {
  const absl::StatusOr<Commit> commit = read_commit(path);
  return commit.ok() && verify(path, *commit).ok();
}

// Of those in the folder, whatever their names, the ids of the whole ones.
std::vector<std::string> whole_ones(const std::string& folder) {
  std::vector<std::string> ids;
  for (const std::string& name : names_in(folder)) {
    if (is_whole(folder + "/" + name)) ids.push_back(read_commit(folder + "/" + name)->id);
  }
  return ids;
}

void save_old_and_new(const std::string& folder) {
  const std::string path = folder + "/checkpoint_0";
  save(path, kOldId);
  save(unfinished_path(path, kNewId), kNewId);
}

void publish_new(const std::string& folder) {
  const std::string path = folder + "/checkpoint_0";
  if (!publish(unfinished_path(path, kNewId), path).ok()) _exit(1);
}

// Whoever comes next finds nothing in the way.
void save_again(const std::string& folder) {
  const std::string path = folder + "/checkpoint_0", id = "00000000000000cc";
  save(unfinished_path(path, id), id);
  EXPECT_TRUE(publish(unfinished_path(path, id), path).ok());
  EXPECT_TRUE(remove_unfinished(folder, id).ok());
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
  EXPECT_THAT(whole_ones(folder), ElementsAre(id));
}

TEST(Killed, WhileItGivesAName) {
  kill_everywhere(
      [](const std::string& folder) {
        save(unfinished_path(folder + "/checkpoint_0", kNewId), kNewId);
      },
      publish_new,
      [](const std::string& folder) {
        EXPECT_THAT(whole_ones(folder), ElementsAre(kNewId));
        EXPECT_EQ(names_in(folder).size(), 1u);
        save_again(folder);
      });
}

TEST(Killed, WhileItReplaces) {
  kill_everywhere(save_old_and_new, publish_new, [](const std::string& folder) {
    const absl::StatusOr<FoundCheckpoint> found = find_checkpoint(folder + "/checkpoint_0");
    ASSERT_TRUE(found.ok() && found->commit.has_value());
    EXPECT_THAT(found->commit->id, AnyOf(kOldId, kNewId));
    EXPECT_TRUE(is_whole(found->path));
    save_again(folder);
  });
}

TEST(Killed, WhileItReplacesInTwoSteps) {
  kill_everywhere(
      save_old_and_new,
      [](const std::string& folder) {
        if (refuse_flags_of_rename()) publish_new(folder);
      },
      [](const std::string& folder) {
        EXPECT_FALSE(whole_ones(folder).empty());
        EXPECT_TRUE(remove_unfinished(folder, "").ok());
        EXPECT_FALSE(whole_ones(folder).empty());
        save_again(folder);
      });
}

TEST(Killed, WhileItRemoves) {
  kill_everywhere([](const std::string& folder) { save(folder + "/checkpoint_0", kOldId); },
                  [](const std::string& folder) {
                    if (!remove_checkpoint(folder + "/checkpoint_0").ok()) _exit(1);
                  },
                  [](const std::string& folder) {
                    EXPECT_EQ(is_whole(folder + "/checkpoint_0"),
                              fs::exists(folder + "/checkpoint_0"));
                    EXPECT_LE(names_in(folder).size(), 1u);
                    save_again(folder);
                  });
}

TEST(Killed, WhileItCommits) {
  kill_everywhere(
      [](const std::string& folder) {
        save(folder + "/checkpoint_0", kOldId);
        fs::remove(folder + "/checkpoint_0/commit.json");
      },
      [](const std::string& folder) {
        const Commit commit = commit_of({{"a", "text"}}, {.id = kNewId});
        if (!write_commit(folder + "/checkpoint_0", commit).ok()) _exit(1);
      },
      [](const std::string& folder) {
        const absl::StatusOr<Commit> commit = read_commit(folder + "/checkpoint_0");
        EXPECT_TRUE(commit.ok() || absl::IsNotFound(commit.status())) << commit.status();
        EXPECT_TRUE(remove_checkpoint(folder + "/checkpoint_0").ok());
      });
}

TEST(FileSystemsThatCannotExchange, PublishAsWell) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  save(unfinished_path(path, kOldId), kOldId);
  save(unfinished_path(path, kNewId), kNewId);
  absl::Status first, second;
  if (!run_without_flags_of_rename([&] {
        first = publish(unfinished_path(path, kOldId), path);
        second = publish(unfinished_path(path, kNewId), path);
      })) {
    GTEST_SKIP() << "this machine refuses no kernel calls";
  }
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(second.ok()) << second;
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
  EXPECT_THAT(whole_ones(folder), ElementsAre(kNewId));
}

TEST(FileSystemsThatCannotExchange, ReplaceNothingElse) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  save(unfinished_path(path, kNewId), kNewId);
  write_bytes(path, "a file");
  absl::Status status, removed;
  if (!run_without_flags_of_rename([&] {
        status = publish(unfinished_path(path, kNewId), path);
        removed = remove_unfinished(folder, "");
      })) {
    GTEST_SKIP() << "this machine refuses no kernel calls";
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(removed.ok());
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
  EXPECT_EQ(bytes_of(path), "a file");
}

}  // namespace
}  // namespace accelerate::checkpoints
