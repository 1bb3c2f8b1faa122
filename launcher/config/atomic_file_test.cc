#include "launcher/config/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

unsigned int permissions(const std::string& path) {
  struct stat status;
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST(WriteFileAtomically, MakesTheFileAndItsFolders) {
  const std::string folder = make_folder();
  const mode_t old_mask = umask(022);
  ASSERT_TRUE(write_file_atomically(folder + "/a/b/c.yaml", "text").ok());
  umask(old_mask);
  EXPECT_EQ(read_text(folder + "/a/b/c.yaml"), "text");
  EXPECT_EQ(permissions(folder + "/a/b/c.yaml"), 0644u);
  EXPECT_THAT(names_in(folder + "/a/b"), ElementsAre("c.yaml"));
}

TEST(WriteFileAtomically, WritesBesideTheWorkingFolder) {
  const std::string folder = make_folder();
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  EXPECT_TRUE(write_file_atomically("c.yaml", "text").ok());
  fs::current_path(before);
  EXPECT_EQ(read_text(folder + "/c.yaml"), "text");
}

TEST(WriteFileAtomically, OverwritesOnlyWhenTold) {
  const std::string folder = make_folder();
  const std::string path = folder + "/c.yaml";
  write_text(path, "old");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  const absl::Status refused = write_file_atomically(path, "new");
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(refused.message(), "Configuration already exists at " + path +
                                   ", will not override. Remove it, or name another file.");
  EXPECT_EQ(read_text(path), "old");
  ASSERT_TRUE(write_file_atomically(path, "new", {.overwrite = true}).ok());
  EXPECT_EQ(read_text(path), "new");
  EXPECT_EQ(permissions(path), 0600u);
  EXPECT_THAT(names_in(folder), ElementsAre("c.yaml"));
}

TEST(WriteFileAtomically, FollowsLinks) {
  const std::string folder = make_folder();
  fs::create_directory(folder + "/real");
  fs::create_symlink("real/c.yaml", folder + "/link.yaml");
  ASSERT_TRUE(write_file_atomically(folder + "/link.yaml", "one").ok());
  EXPECT_EQ(read_text(folder + "/real/c.yaml"), "one");
  EXPECT_EQ(write_file_atomically(folder + "/link.yaml", "two").code(),
            absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(write_file_atomically(folder + "/link.yaml", "two", {.overwrite = true}).ok());
  EXPECT_TRUE(fs::is_symlink(folder + "/link.yaml"));
  EXPECT_EQ(read_text(folder + "/real/c.yaml"), "two");
  fs::create_symlink("loop.yaml", folder + "/loop.yaml");
  EXPECT_FALSE(write_file_atomically(folder + "/loop.yaml", "x", {.overwrite = true}).ok());
}

TEST(WriteFileAtomically, HarmsNothingWhereItFails) {
  const std::string folder = make_folder();
  write_text(folder + "/file", "old");
  fs::create_directory(folder + "/folder");
  for (const std::string name : {"/file/c.yaml", "/folder"}) {
    const absl::Status status = write_file_atomically(folder + name, "new", {.overwrite = true});
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(folder + name + "` cannot be written: "));
  }
  EXPECT_FALSE(write_file_atomically("", "new").ok());
  EXPECT_FALSE(write_file_atomically(folder + "/" + std::string(300, 'x'), "new").ok());
  EXPECT_EQ(read_text(folder + "/file"), "old");
  EXPECT_THAT(names_in(folder), UnorderedElementsAre("file", "folder"));
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheDiskIsFull) {
  const std::string folder = make_folder();
  write_text(folder + "/c.yaml", "old");
  // What a full disk does, a limit on files does as well.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status =
      write_file_atomically(folder + "/c.yaml", std::string(100000, 'x'), {.overwrite = true});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Nothing was changed"));
  EXPECT_EQ(read_text(folder + "/c.yaml"), "old");
  EXPECT_THAT(names_in(folder), ElementsAre("c.yaml"));
}

TEST(WriteFileAtomically, LetsOneOfManyMakeTheFile) {
  const std::string folder = make_folder();
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string text(10000, static_cast<char>('a' + i));
      if (write_file_atomically(folder + "/c.yaml", text).ok()) ++made;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  const std::string text = read_text(folder + "/c.yaml");
  EXPECT_EQ(text, std::string(10000, text[0]));
  EXPECT_THAT(names_in(folder), ElementsAre("c.yaml"));
}

}  // namespace
}  // namespace accelerate::launcher
