#include "formats/tokens/find_token_files.h"

#include <filesystem>
#include <string>
#include <vector>

#include "formats/tokens/testing/token_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::ElementsAre;

// A folder with these files, which is the working folder as long as this lives.
class InFolderOf {
 public:
  explicit InFolderOf(const std::vector<std::string>& names)
      : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(new_token_folder());
    for (const std::string& name : names) write_bytes(name, "xx");
  }
  ~InFolderOf() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_;
};

std::vector<std::string> found(const std::vector<std::string>& patterns) {
  const auto paths = find_token_files(patterns);
  EXPECT_TRUE(paths.ok()) << paths.status();
  return paths.ok() ? *paths : std::vector<std::string>();
}

TEST(FindTokenFiles, SortsByNameByteByByte) {
  const InFolderOf folder({"b_2.bin", "b_10.bin", "B_3.bin", "a.bin", "b.txt"});
  EXPECT_THAT(found({"*.bin"}), ElementsAre("B_3.bin", "a.bin", "b_10.bin", "b_2.bin"));
  EXPECT_THAT(found({"b_?.bin"}), ElementsAre("b_2.bin"));
  EXPECT_THAT(found({"[ab]*.bin"}), ElementsAre("a.bin", "b_10.bin", "b_2.bin"));
}

TEST(FindTokenFiles, TakesEachFileOnce) {
  const InFolderOf folder({"b.bin", "a.bin"});
  EXPECT_THAT(found({"b.bin", "*.bin", "b.bin"}), ElementsAre("a.bin", "b.bin"));
}

TEST(FindTokenFiles, TakesANameAsItIs) {
  const InFolderOf folder({"[1].bin", "1.bin", "a*.bin", "ab.bin"});
  EXPECT_THAT(found({"[1].bin"}), ElementsAre("[1].bin"));
  EXPECT_THAT(found({"a*.bin"}), ElementsAre("a*.bin"));
}

TEST(FindTokenFiles, TakesAnIndexForItsData) {
  const InFolderOf folder({"a.bin", "a.idx", "b.bin", "b.idx"});
  EXPECT_THAT(found({"*"}), ElementsAre("a.bin", "b.bin"));
  EXPECT_THAT(found({"a.idx"}), ElementsAre("a.bin"));
  EXPECT_THAT(found({"b", "a"}), ElementsAre("a.bin", "b.bin"));
  EXPECT_THAT(found({"?"}), ElementsAre("a.bin", "b.bin"));
}

TEST(FindTokenFiles, SaysWhichPatternNamesNoFile) {
  const InFolderOf folder({"a.bin"});
  const auto paths = find_token_files({"a.bin", "train_*.bin"});
  EXPECT_EQ(paths.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(paths.status().message(),
            "train_*.bin: there is no such token file; correct the path or the pattern.");
}

}  // namespace
}  // namespace accelerate
