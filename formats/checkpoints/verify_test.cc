#include "formats/checkpoints/verify.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "formats/checkpoints/testing/saved_checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::checkpoints {
namespace {

using ::testing::HasSubstr;

TEST(Crc32, IsThatOfZlib) {
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32("6789", crc32("12345")), 0xcbf43926u);
  EXPECT_EQ(crc32({}, 0xcbf43926u), 0xcbf43926u);
}

TEST(Verify, FindsWhatWasSaved) {
  const std::string folder = new_checkpoint_folder();
  const Commit commit = save_checkpoint(folder, {{"a", "hello world"}, {"empty", ""}});
  EXPECT_TRUE(verify(folder, commit).ok()) << verify(folder, commit);
  EXPECT_TRUE(verify(folder + "/", commit).ok());
  // Nobody is told not to keep notes there.
  write_bytes(folder + "/notes.txt", "good");
  EXPECT_TRUE(verify(folder, commit).ok());
}

TEST(Verify, NoticesEachFlippedByte) {
  const std::string folder = new_checkpoint_folder(), text = "hello world";
  const Commit commit = save_checkpoint(folder, {{"a", text}, {"b", text}});
  for (const std::string name : {"a", "b"}) {
    const std::string path = folder + "/" + name;
    for (std::size_t place = 0; place < text.size(); ++place) {
      std::string other = text;
      other[place] ^= 1;
      write_bytes(path, other);
      EXPECT_TRUE(verify_sizes(folder, commit).ok());
      const absl::Status status = verify(folder, commit);
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      // Extents are of 5, 5 and 1 bytes.
      const std::string extent = place < 5    ? "5 bytes from byte 0 on"
                                 : place < 10 ? "5 bytes from byte 5 on"
                                              : "1 bytes from byte 10 on";
      EXPECT_THAT(std::string(status.message()), HasSubstr(path + " is not what was saved: its " +
                                                           extent + " have the checksum "));
    }
    write_bytes(path, text);
  }
  EXPECT_TRUE(verify(folder, commit).ok());
}

// An extent is read in pieces of 1 MiB.
TEST(Verify, NoticesFlippedBytesOfLargeExtents) {
  const std::string folder = new_checkpoint_folder();
  std::string text((5 << 20) / 2, 'x');
  const Commit commit = save_checkpoint(folder, {{"a", text}}, {.extent_size = text.size()});
  EXPECT_TRUE(verify(folder, commit).ok());
  for (const std::size_t place :
       {std::size_t{0}, std::size_t{(1 << 20) - 1}, std::size_t{1 << 20}, text.size() - 1}) {
    text[place] = 'y';
    write_bytes(folder + "/a", text);
    EXPECT_EQ(verify(folder, commit).code(), absl::StatusCode::kDataLoss) << place;
    text[place] = 'x';
  }
}

TEST(Verify, NoticesSizesWithoutReading) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/a";
  const Commit commit = save_checkpoint(folder, {{"a", "hello world"}});
  for (const std::string text : {"", "hello worl", "hello world "}) {
    write_bytes(path, text);
    for (const absl::Status& status : {verify_sizes(folder, commit), verify(folder, commit)}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      EXPECT_EQ(
          status.message(),
          path + " has " + std::to_string(text.size()) +
              " bytes, but was saved with 11; copy the file again, or use another checkpoint.");
    }
  }
}

TEST(Verify, NoticesAFileThatIsCutMeanwhile) {
  const std::string folder = new_checkpoint_folder();
  const Commit commit = save_checkpoint(folder, {{"a", "hello world"}});
  write_bytes(folder + "/a", "hello w");
  const CheckpointFile& file = commit.files[0];
  EXPECT_TRUE(verify_extent(folder, file, file.extents[0]).ok());
  EXPECT_THAT(std::string(verify_extent(folder, file, file.extents[1]).message()),
              HasSubstr("/a ends at byte 7, but was saved with 11 bytes"));
  // Whatever the system says to such a place.
  EXPECT_FALSE(verify_extent(folder, file, {INT64_MAX - 1, UINT64_MAX, 0}).ok());
}

TEST(Verify, NoticesWhatIsMissing) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/a";
  const Commit commit = save_checkpoint(folder, {{"a", "hello world"}});
  const auto codes = [&] {
    EXPECT_EQ(verify_sizes(folder, commit).code(), verify(folder, commit).code());
    EXPECT_EQ(verify_extent(folder, commit.files[0], commit.files[0].extents[0]).code(),
              verify(folder, commit).code());
    return verify(folder, commit).code();
  };
  std::filesystem::remove(path);
  EXPECT_EQ(codes(), absl::StatusCode::kNotFound);
  EXPECT_EQ(verify(folder, commit).message(),
            path +
                " is missing, although the checkpoint was saved with it; copy the file again, or "
                "use another checkpoint.");
  // Whatever else has the name is no file that was saved; a pipe does not make anybody wait.
  std::filesystem::create_directory(path);
  EXPECT_EQ(codes(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(codes(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(path);
  std::filesystem::create_symlink("nowhere", path);
  EXPECT_EQ(codes(), absl::StatusCode::kNotFound);
  std::filesystem::remove(path);
  // Large files may have been moved to another disk.
  write_bytes(folder + "/moved", "hello world");
  std::filesystem::create_symlink("moved", path);
  EXPECT_EQ(codes(), absl::StatusCode::kOk);
}

TEST(Verify, ShowsNamesWithoutWhatTerminalsObey) {
  const std::string folder = new_checkpoint_folder();
  Commit commit = commit_of({{"a\n\x1b[2J", "x"}});
  EXPECT_THAT(std::string(verify(folder, commit).message()), HasSubstr("/a  [2J is missing"));
}

}  // namespace
}  // namespace accelerate::checkpoints
