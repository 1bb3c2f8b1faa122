// Commit files of strangers: mutations of a good one, by chance but by a seed, are read or refused.
// What is read keeps its promises, and without the right checksum nothing else is read.
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "formats/checkpoints/commit.h"
#include "formats/checkpoints/testing/saved_checkpoint.h"
#include "formats/checkpoints/testing/signed_commit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::checkpoints {
namespace {

constexpr std::uint64_t kCases = 20'000;

// Pieces that mean something to the format, so that not every mutation ends in the JSON parser.
const std::vector<std::string> kPieces = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          ":",
                                          "\"",
                                          "0",
                                          "-1",
                                          "1e999",
                                          "null",
                                          "true",
                                          "../",
                                          "/",
                                          "\"files\": []",
                                          "\"size\": 5",
                                          "\"version\": 2",
                                          "\"crc32\": \"00000000\"",
                                          "18446744073709551615",
                                          "9223372036854775808",
                                          "\\u0000",
                                          "\\ud800",
                                          "\xff",
                                          "[[[[[[[[",
                                          R"({"offset": 11, "size": 0, "crc32": "00000000"},)",
                                          R"({"name": "b", "size": 0, "extents": []},)"};

class Mutation {
 public:
  explicit Mutation(std::uint64_t seed) : engine_(seed) {}

  std::string operator()(std::string text) {
    for (std::size_t count = 1 + upto(2); count > 0; --count) mutate(text);
    return text;
  }

 private:
  std::size_t upto(std::size_t most) { return engine_() % (most + 1); }

  void mutate(std::string& text) {
    const std::size_t at = upto(text.size());
    switch (upto(5)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(upto(255));
        break;
      case 1:
        text.erase(at, 1 + upto(30));
        break;
      case 2:
        text.insert(at, text.substr(upto(text.size()), upto(100)));
        break;
      case 3:
        mutate_number(text);
        break;
      case 4:
        // A blank: the same to a parser of JSON.
        text.insert(at, " ");
        break;
      default:
        text.insert(at, kPieces[upto(kPieces.size() - 1)]);
    }
  }

  void mutate_number(std::string& text) {
    const std::size_t begin = text.find_first_of("0123456789", upto(text.size()));
    if (begin == std::string::npos) return;
    const std::size_t end = text.find_first_not_of("0123456789", begin);
    text.replace(begin, end == std::string::npos ? end : end - begin, std::to_string(upto(12)));
  }

  std::mt19937_64 engine_;
};

// What commit.h promises of a commit that was read.
void check_promises(const Commit& commit) {
  EXPECT_EQ(commit.id.size(), 16u);
  EXPECT_GE(commit.epoch, 0);
  EXPECT_GE(commit.step, 0);
  EXPECT_GE(commit.world_size, 1);
  std::set<std::string> names;
  for (const CheckpointFile& file : commit.files) {
    EXPECT_TRUE(names.insert(file.name).second);
    EXPECT_FALSE(file.name.empty() || file.name == ".." || file.name == kCommitFile ||
                 file.name.find('/') != std::string::npos);
    std::uint64_t end = 0;
    for (const Extent& extent : file.extents) {
      EXPECT_EQ(extent.offset, end);
      end += extent.size;
    }
    EXPECT_EQ(end, file.size);
  }
  EXPECT_EQ(*parse_commit(commit_text(commit)), commit);
}

TEST(CommitFuzz, ReadsOrRefusesWhateverComes) {
  const Commit good = commit_of({{"a", "hello world"}, {"empty", ""}});
  const std::string text = commit_text(good);
  std::uint64_t read = 0;
  for (std::uint64_t number = 0; number < kCases; ++number) {
    SCOPED_TRACE("case " + std::to_string(number));
    const std::string other = Mutation(number)(text);
    EXPECT_EQ(parse_commit(other).ok(), other == text);
    const absl::StatusOr<Commit> commit = parse_commit(signed_again(other));
    if (commit.ok()) {
      ++read;
      check_promises(*commit);
    } else {
      EXPECT_FALSE(commit.status().message().empty());
      EXPECT_LT(commit.status().message().size(), 1000u);
    }
    if (testing::Test::HasFailure()) FAIL() << other;
  }
  EXPECT_GT(read, kCases / 100) << "hardly a mutation is read: the rest is not seen";
}

}  // namespace
}  // namespace accelerate::checkpoints
