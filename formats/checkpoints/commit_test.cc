#include "formats/checkpoints/commit.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "formats/checkpoints/testing/saved_checkpoint.h"
#include "formats/checkpoints/testing/signed_commit.h"
#include "formats/checkpoints/testing/small_disk.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::checkpoints {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Checksums as Python's zlib.crc32() has them.
const char kText[] = R"({
  "format": "accelerate-cpp checkpoint",
  "version": 1,
  "id": "0123456789abcdef",
  "saved_at": "2026-11-29T14:30:00Z",
  "epoch": 2,
  "step": 1200,
  "world_size": 4,
  "strategy": "multi_cpu",
  "precision": "bf16",
  "library_version": "0.1",
  "files": [
    {
      "name": "a \"file\"",
      "size": 11,
      "extents": [
        {"offset": 0, "size": 5, "crc32": "3610a686"},
        {"offset": 5, "size": 5, "crc32": "eb8dfa26"},
        {"offset": 10, "size": 1, "crc32": "98dd4acc"}
      ]
    },
    {
      "name": "empty",
      "size": 0,
      "extents": []
    }
  ],
  "crc32": "b75c68c7"
}
)";

Commit example() {
  return commit_of({{"a \"file\"", "hello world"}, {"empty", ""}}, {.step = 1200});
}

std::string problem_of(const std::string& text) {
  const absl::StatusOr<Commit> commit = parse_commit(text);
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(commit.status().message());
}

TEST(Commit, IsATextForPeopleAndPrograms) {
  EXPECT_EQ(commit_text(example()), kText);
  const absl::StatusOr<Commit> commit = parse_commit(kText);
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(*commit, example());
  EXPECT_EQ(total_size(*commit), 11u);
}

TEST(Commit, HoldsLargestNumbersAndAnyText) {
  Commit commit = example();
  commit.epoch = commit.step = INT64_MAX;
  commit.world_size = INT32_MAX;
  commit.strategy = "\n\"\\\x01é\u202e";
  commit.precision = "";
  commit.files = {{"large", INT64_MAX, {{0, INT64_MAX - 1, 0xffffffff}, {INT64_MAX - 1, 1, 0}}}};
  const absl::StatusOr<Commit> read = parse_commit(commit_text(commit));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, commit);
  commit.files = {};
  EXPECT_EQ(*parse_commit(commit_text(commit)), commit);
}

TEST(Commit, NoticesEachFlippedBit) {
  const std::string text = kText;
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = text;
      other[place] = static_cast<char>(other[place] ^ (1 << bit));
      EXPECT_FALSE(parse_commit(other).ok()) << "bit " << bit << " of byte " << place;
    }
  }
}

TEST(Commit, NoticesThatItIsCut) {
  const std::string text = kText;
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(problem_of(text.substr(0, size)), HasSubstr("its own checksum does not match"));
  }
  EXPECT_FALSE(parse_commit(text + " ").ok());
  EXPECT_FALSE(parse_commit(text + text).ok());
}

// That somebody who knows the checksum has made.
TEST(Commit, RefusesWhatIsNotOfItsForm) {
  EXPECT_EQ(signed_again(kText), kText);
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string text = kText;
    const std::size_t place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    return problem_of(signed_again(text.replace(place, from.size(), to)));
  };
  const std::string number = " and not a whole number from 0 to 9223372036854775807";
  EXPECT_EQ(changed("1,", "2,"),
            "it is of version 2 of the format, but this library reads version 1");
  EXPECT_EQ(changed("accelerate-cpp", "other"),
            "its format is \"other checkpoint\" and not \"accelerate-cpp checkpoint\"");
  EXPECT_EQ(changed("  \"epoch\": 2,\n", ""), "there is no \"epoch\"");
  EXPECT_EQ(changed("\"epoch\"", "\"step\""), "\"step\" appears twice");
  EXPECT_EQ(changed("1200", "-1"), "\"step\" is a negative number" + number);
  EXPECT_EQ(changed("1200", "1200.0"), "\"step\" is the number 1200.0" + number);
  EXPECT_EQ(changed("1200", "9223372036854775808"),
            "\"step\" is the number 9223372036854775808" + number);
  EXPECT_EQ(changed("1200", "18446744073709551616"),
            "\"step\" is the number 18446744073709551616" + number);
  EXPECT_EQ(changed("1200", "null"), "\"step\" is null" + number);
  EXPECT_EQ(changed("1200", "[1]"), "\"step\" is an array" + number);
  EXPECT_EQ(changed("1200", "{}"), "\"step\" is an object" + number);
  EXPECT_THAT(changed("1200", "1e999"), HasSubstr("it is not valid JSON at byte "));
  EXPECT_EQ(changed(": 4", ": 0"),
            "\"world_size\" is the number 0 and not a whole number from 1 to 2147483647");
  EXPECT_THAT(changed(": 4", ": 2147483648"), HasSubstr("\"world_size\" is "));
  EXPECT_EQ(changed("0123456789abcdef", "0123456789ABCDEF"),
            "\"id\" is \"0123456789ABCDEF\" and not 16 hexadecimal digits");
  EXPECT_THAT(changed("abcdef\"", "abcde\""), HasSubstr("\"id\" is "));
  EXPECT_EQ(changed("14:30:00Z", "14:30:00"),
            "\"saved_at\" is \"2026-11-29T14:30:00\" and not a time such as 2026-11-29T14:30:00Z");
  EXPECT_EQ(changed("\"bf16\"", "16"), "\"precision\" is a number and not a string");
  EXPECT_EQ(changed("\"size\": 11", "\"size\": \"11\""), "in file 1, \"size\" is \"11\"" + number);
  EXPECT_EQ(changed("\"extents\": []", "\"extents\": 0"),
            "in file 2, \"extents\" is a number and not an array");
  EXPECT_EQ(changed("\"extents\": []", "\"extents\": [[]]"),
            "\"extents\" holds an array instead of an object");
  EXPECT_EQ(changed("[]", "[{}]"), "in extent 1 of file 2, there is no \"offset\"");
  EXPECT_EQ(changed("\"eb8dfa26\"", "\"eb8dfa2\""),
            "in extent 2 of file 1, \"crc32\" is \"eb8dfa2\" and not 8 hexadecimal digits");
  EXPECT_THAT(changed("\"eb8dfa26\"", "\"EB8DFA26\""), HasSubstr("and not 8 hexadecimal digits"));
  EXPECT_THAT(changed("\"eb8dfa26\"", "\"0x8dfa26\""), HasSubstr("and not 8 hexadecimal digits"));
  EXPECT_EQ(problem_of(signed_again("[]")), "there is an array instead of an object");
  EXPECT_THAT(problem_of(signed_again("")), HasSubstr("it is not valid JSON at byte "));
}

TEST(Commit, RefusesExtentsThatAreNotAllOfTheFile) {
  const auto problem = [](std::uint64_t size, const std::vector<Extent>& extents) {
    Commit commit = example();
    commit.files = {{"a", size, extents}};
    return problem_of(commit_text(commit));
  };
  const std::string at = "the extents of the file \"a\" overlap or leave something out at byte ";
  EXPECT_EQ(problem(1, {}), at + "0");
  EXPECT_EQ(problem(10, {{0, 9, 0}}), at + "9");
  EXPECT_EQ(problem(10, {{0, 11, 0}}), at + "0");
  EXPECT_EQ(problem(10, {{1, 9, 0}}), at + "0");
  EXPECT_EQ(problem(10, {{0, 5, 0}, {6, 4, 0}}), at + "5");
  EXPECT_EQ(problem(10, {{0, 5, 0}, {4, 6, 0}}), at + "5");
  EXPECT_EQ(problem(10, {{5, 5, 0}, {0, 5, 0}}), at + "0");
  EXPECT_EQ(problem(10, {{0, 10, 0}, {10, 1, 0}}), at + "10");
  EXPECT_EQ(problem(10, {{0, 10, 0}, {0, 10, 0}}), at + "10");
  EXPECT_EQ(problem(10, {{0, 5, 0}, {5, INT64_MAX, 0}}), at + "5");
}

TEST(Commit, RefusesNamesThatLeadElsewhere) {
  const std::vector<std::string> bad = {"",
                                        ".",
                                        "..",
                                        "/etc/passwd",
                                        "a/b",
                                        "../a",
                                        "commit.json",
                                        std::string("a\0b", 3),
                                        std::string(256, 'x')};
  for (const std::string& name : bad) {
    Commit commit = example();
    commit.files[1].name = name;
    EXPECT_THAT(problem_of(commit_text(commit)),
                AllOf(HasSubstr("in file 2, \"name\" is \""),
                      HasSubstr(" and not the name of a file within the folder")));
  }
  Commit commit = example();
  commit.files[1].name = commit.files[0].name;
  EXPECT_EQ(problem_of(commit_text(commit)), "the file \"a \\\"file\\\"\" appears in it twice");
  commit.files = {{"a", INT64_MAX, {{0, INT64_MAX, 0}}}, {"b", 1, {{0, 1, 0}}}};
  EXPECT_EQ(problem_of(commit_text(commit)),
            "up to the file \"b\", there would be more than 9223372036854775807 bytes");
}

TEST(Commit, LeavesRoomForLaterMembers) {
  std::string text = kText;
  for (const char* place : {"\"epoch\"", "\"name\"", "\"offset\""}) {
    text.insert(text.find(place), R"("later": {"deep": [{"step": -1}]}, )");
  }
  const absl::StatusOr<Commit> commit = parse_commit(signed_again(text));
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(*commit, example());
}

TEST(Commit, SurvivesDeepNesting) {
  const std::string open(1'000'000, '['), close(open.size(), ']');
  std::string text = kText;
  text.insert(text.find("\"epoch\""), "\"later\": " + open + close + ", ");
  EXPECT_TRUE(parse_commit(signed_again(text)).ok());
  EXPECT_THAT(problem_of(signed_again(open)), HasSubstr("there is an array instead of"));
  text = kText;
  text.insert(text.find("\"epoch\""), "\"later\": " + open);
  EXPECT_THAT(problem_of(signed_again(text)), HasSubstr("it is not valid JSON at byte "));
}

TEST(CommitFile, IsReadAndWritten) {
  const std::string folder = new_checkpoint_folder();
  EXPECT_TRUE(write_commit(folder, example()).ok());
  EXPECT_EQ(bytes_of(folder + "/commit.json"), kText);
  EXPECT_THAT(names_in(folder), ElementsAre("commit.json"));
  const absl::StatusOr<Commit> commit = read_commit(folder + "/");
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(*commit, example());
  Commit other = example();
  other.step = 7;
  EXPECT_TRUE(write_commit(folder, other).ok());
  EXPECT_EQ(read_commit(folder)->step, 7);
}

TEST(CommitFile, IsMissing) {
  const std::string folder = new_checkpoint_folder();
  for (const std::string& each : {folder, folder + "/none"}) {
    const absl::Status status = read_commit(each).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(status.message(), each +
                                    "/commit.json is missing, so this is not a checkpoint, or its "
                                    "saving was interrupted; use another one.");
  }
}

TEST(CommitFile, SaysWhichIsWrong) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/commit.json";
  write_bytes(path, std::string(kText) + "x");
  const absl::Status status = read_commit(folder).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr(path + " cannot be read as the commit file of a checkpoint: its own checksum "
                             "does not match, so it was damaged or edited"),
            HasSubstr("; copy it again, or use another checkpoint.")));
  // What fits into no memory is not read.
  std::filesystem::resize_file(path, std::uint64_t{1} << 40);
  EXPECT_THAT(std::string(read_commit(folder).status().message()),
              HasSubstr("it has 1099511627776 bytes, and 100000000 are allowed"));
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(std::string(read_commit(folder).status().message()),
              HasSubstr("is not a regular file"));
}

TEST(CommitFile, IsNotWrittenWhereItCouldNotBeRead) {
  const std::string folder = new_checkpoint_folder();
  std::vector<std::pair<Commit, std::string>> bad(3, {example(), ""});
  bad[0].first.id = "x";
  bad[0].second = "\"id\" is \"x\" and not 16 hexadecimal digits.";
  bad[1].first.strategy = "\xff";
  bad[1].second = "a text in it is not valid UTF-8.";
  bad[2].first.step = -1;
  bad[2].second = "\"step\" is a negative number and not ";
  for (const auto& [commit, problem] : bad) {
    const absl::Status status = write_commit(folder, commit);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(status.message()),
        HasSubstr("commit.json was not written, because it could not be read again: " + problem));
  }
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST(CommitFile, IsLeftAsItWasOnAFullDisk) {
  const std::string folder = new_checkpoint_folder();
  const SmallDisk disk(folder, 1 << 14);
  if (!disk.is_there()) GTEST_SKIP() << "only root can mount a small disk";
  ASSERT_TRUE(write_commit(folder, example()).ok());
  disk.fill();
  Commit other = example();
  other.step = 7;
  EXPECT_EQ(write_commit(folder, other).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*read_commit(folder), example());
  EXPECT_THAT(names_in(folder), ElementsAre("commit.json", "filling"));
}

}  // namespace
}  // namespace accelerate::checkpoints
