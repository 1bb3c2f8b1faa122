#include "formats/files/mapped_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::HasSubstr;

std::string path_of(const std::string& name) { return ::testing::TempDir() + "/" + name; }

TEST(MappedFile, HasTheBytesOfTheFile) {
  const std::string path = path_of("text.bin");
  std::ofstream(path) << "some text";
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const MappedFile moved = *std::move(file);
  EXPECT_EQ(moved.bytes(), "some text");
  moved.load_ahead(2, 7);
  moved.load_ahead(9, 0);
  moved.release_memory();
  EXPECT_EQ(moved.bytes(), "some text");
  EXPECT_EQ(moved.path(), path);
}

TEST(MappedFile, MayBeEmpty) {
  const std::string path = path_of("empty.bin");
  std::ofstream(path).flush();
  const absl::StatusOr<MappedFile> file = MappedFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->bytes(), "");
  file->release_memory();
}

TEST(MappedFile, OutlivesItsName) {
  const std::string path = path_of("gone.bin");
  std::ofstream(path) << "old";
  const absl::StatusOr<MappedFile> file = MappedFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  std::filesystem::remove(path);
  std::ofstream(path) << "n";
  EXPECT_EQ(file->bytes(), "old");
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  const std::string pipe = path_of("pipe");
  mkfifo(pipe.c_str(), 0600);
  for (const std::string& path : {pipe, ::testing::TempDir(), std::string("/dev/null")}) {
    const absl::Status status = MappedFile::open(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(path + " is not a regular file"));
  }
  const std::string text = path_of("text.txt");
  std::ofstream(text) << "x";
  for (const std::string& path : {path_of("no.bin"), text + "/below", std::string()}) {
    EXPECT_EQ(MappedFile::open(path).status().code(), absl::StatusCode::kNotFound) << path;
  }
}

}  // namespace
}  // namespace accelerate
