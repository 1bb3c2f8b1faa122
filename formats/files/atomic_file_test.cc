#include "formats/files/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string new_folder() {
  std::string folder = ::testing::TempDir() + "/atomic.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

AtomicFile create(const std::string& path, const AtomicFileOptions& options = {}) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path, options);
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

TEST(AtomicFile, IsThereOnceItIsCommitted) {
  const std::string folder = new_folder(), path = folder + "/a/b.bin";
  AtomicFile file = create(path);
  EXPECT_TRUE(file.append("one ").ok());
  EXPECT_TRUE(file.append("two").ok());
  EXPECT_EQ(file.size(), 7u);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(file.commit().ok());
  EXPECT_EQ(text_of(path), "one two");
  EXPECT_THAT(names_in(folder + "/a"), ElementsAre("b.bin"));
}

TEST(AtomicFile, CanBeChangedBefore) {
  const std::string path = new_folder() + "/b.bin";
  AtomicFile file = create(path);
  EXPECT_TRUE(file.append("0123456789").ok());
  EXPECT_EQ(*file.read(4, 3), "456");
  EXPECT_EQ(*file.read(8, 100), "89");
  EXPECT_EQ(*file.read(10, 5), "");
  EXPECT_TRUE(file.truncate(6).ok());
  EXPECT_TRUE(file.overwrite(1, "ab").ok());
  EXPECT_TRUE(file.append("end").ok());
  EXPECT_TRUE(file.commit().ok());
  EXPECT_EQ(text_of(path), "0ab345end");
}

TEST(AtomicFile, LeavesNothingUnlessItIsCommitted) {
  const std::string folder = new_folder();
  {
    AtomicFile file = create(folder + "/b.bin");
    EXPECT_TRUE(file.append("text").ok());
    const AtomicFile moved = std::move(file);
  }
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST(AtomicFile, LeavesTheOldFileToThoseWhoHaveItOpen) {
  const std::string path = new_folder() + "/b.bin";
  std::ofstream(path) << "old";
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(AtomicFile::create(path).status().code(), absl::StatusCode::kAlreadyExists);
  std::ifstream reader(path);
  AtomicFile file = create(path, {.overwrite = true});
  EXPECT_TRUE(file.append("new").ok());
  EXPECT_EQ(text_of(path), "old");
  EXPECT_TRUE(file.commit().ok());
  EXPECT_EQ(text_of(path), "new");
  std::string word;
  reader >> word;
  EXPECT_EQ(word, "old");
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

// A file may appear while another of its name is written.
TEST(AtomicFile, DoesNotOverwriteWhatCameMeanwhile) {
  const std::string folder = new_folder(), path = folder + "/b.bin";
  AtomicFile file = create(path);
  EXPECT_TRUE(file.append("new").ok());
  std::ofstream(path) << "other";
  EXPECT_EQ(file.commit().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(text_of(path), "other");
}

// Another user may make links in a folder that all write to, such as /tmp.
TEST(AtomicFile, IsNotWrittenThroughALinkWhereAProgramHasChosenTheName) {
  const std::string folder = new_folder(), path = folder + "/report.txt";
  std::ofstream(folder + "/precious") << "mine";
  for (const std::string& target : {folder + "/precious", folder + "/not/there"}) {
    std::filesystem::create_symlink(target, path);
    EXPECT_EQ(AtomicFile::create(path).status().code(), absl::StatusCode::kAlreadyExists);
    AtomicFile file = create(path, {.overwrite = true});
    EXPECT_TRUE(file.append("report").ok());
    EXPECT_TRUE(file.commit().ok());
    EXPECT_FALSE(std::filesystem::is_symlink(path));
    EXPECT_EQ(text_of(path), "report");
    std::filesystem::remove(path);
  }
  EXPECT_EQ(text_of(folder + "/precious"), "mine");
  EXPECT_THAT(names_in(folder), ElementsAre("precious"));
}

TEST(AtomicFile, IsNotWrittenThroughALinkThatCameMeanwhile) {
  const std::string folder = new_folder(), path = folder + "/report.txt";
  std::ofstream(folder + "/precious") << "mine";
  AtomicFile file = create(path);
  EXPECT_TRUE(file.append("report").ok());
  std::filesystem::create_symlink(folder + "/precious", path);
  EXPECT_EQ(file.commit().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(text_of(folder + "/precious"), "mine");
}

TEST(AtomicFile, IsWrittenThroughALinkThatAUserHasNamed) {
  const std::string folder = new_folder(), path = folder + "/latest.txt";
  std::filesystem::create_symlink("real/file.txt", path);
  AtomicFile file = create(path, {.is_named_by_user = true});
  EXPECT_TRUE(file.append("text").ok());
  EXPECT_TRUE(file.commit().ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path));
  EXPECT_EQ(text_of(folder + "/real/file.txt"), "text");
}

// A program that looks for a free name goes on to the next.
TEST(AtomicFile, IsNotThereWhereAnythingElseHasTheNameThatAProgramHasChosen) {
  const std::string folder = new_folder();
  EXPECT_EQ(AtomicFile::create(folder).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(AtomicFile::create(folder, {.is_named_by_user = true}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(AtomicFile, AsksForAnotherNameOnlyWhoHasGivenThisOne) {
  const std::string path = "/proc/none/file", other = "name another file";
  EXPECT_THAT(std::string(AtomicFile::create(path).status().message()),
              AllOf(HasSubstr("check its folder"), Not(HasSubstr(other))));
  EXPECT_THAT(std::string(AtomicFile::create(path, {.is_named_by_user = true}).status().message()),
              HasSubstr(other));
}

// Whoever runs such a file becomes its owner, who may be another one now.
TEST(AtomicFile, GetsNoBitsThatMakeAProgramSomebodyElse) {
  const std::string path = new_folder() + "/b.bin";
  std::ofstream(path) << "old";
  ASSERT_EQ(chmod(path.c_str(), 06755), 0);
  AtomicFile file = create(path, {.overwrite = true});
  EXPECT_TRUE(file.commit().ok());
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
}

TEST(AtomicFile, LeavesNothingOnAFullDisk) {
  const std::string folder = new_folder();
  // What a full disk does, a limit on files does as well.
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  absl::Status status;
  {
    AtomicFile file = create(folder + "/b.bin");
    status = file.append(std::string(100000, 'x'));
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(folder + "/b.bin` cannot be written: File too large"),
                    HasSubstr("Nothing was changed")));
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST(AtomicFile, RefusesAtOnceWhatCannotBeWritten) {
  const std::string folder = new_folder();
  for (const std::string& path : {std::string(), folder, folder + "/", std::string("/dev/null"),
                                  folder + "/" + std::string(300, 'x')}) {
    EXPECT_EQ(AtomicFile::create(path, {.overwrite = true}).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << path;
  }
  EXPECT_THAT(names_in(folder), IsEmpty());
}

}  // namespace
}  // namespace accelerate
