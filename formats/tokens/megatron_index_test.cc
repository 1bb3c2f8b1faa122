#include "formats/tokens/megatron_index.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "formats/tokens/testing/token_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::StatusOr<MegatronIndex> open(const std::string& bytes, std::uint64_t data_size) {
  static const std::string path = new_token_folder() + "/a.idx";
  write_bytes(path, bytes);
  return MegatronIndex::open(path, data_size);
}

std::string error(const std::string& bytes, std::uint64_t data_size = 12) {
  const absl::Status status = open(bytes, data_size).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

std::vector<std::int64_t> begins(const MegatronIndex& index) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i <= index.num_documents(); ++i) all.push_back(index.document_begin(i));
  return all;
}

TEST(MegatronIndex, TellsWhereDocumentsBegin) {
  const auto index =
      open(megatron_index_bytes({.sizes = {3, 0, 2, 1}, .documents = {0, 0, 2, 3, 4, 4}}), 12);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->num_tokens(), 6);
  EXPECT_THAT(begins(*index), ElementsAre(0, 0, 3, 5, 6, 6));
}

TEST(MegatronIndex, KnowsTheTypesOfTokens) {
  for (const auto& [code, size, type] :
       std::vector<std::tuple<int, int, TokenType>>{{1, 1, TokenType::kUint8},
                                                    {4, 4, TokenType::kInt32},
                                                    {5, 8, TokenType::kInt64},
                                                    {8, 2, TokenType::kUint16}}) {
    const auto index =
        open(megatron_index_bytes(
                 {.type = static_cast<std::uint8_t>(code), .token_size = size, .sizes = {2, 1}}),
             3 * size);
    ASSERT_TRUE(index.ok()) << index.status();
    EXPECT_EQ(index->type(), type);
    EXPECT_THAT(begins(*index), ElementsAre(0, 2, 3));
  }
  for (const int code : {0, 2, 3, 6, 7, 9, 255}) {
    EXPECT_THAT(error(megatron_index_bytes({.type = static_cast<std::uint8_t>(code)})),
                HasSubstr("at byte 17, there is the type " + std::to_string(code) + ", and "));
  }
}

TEST(MegatronIndex, MayBeEmpty) {
  const auto index = open(megatron_index_bytes({}), 0);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->num_documents(), 0);
  EXPECT_THAT(begins(*index), ElementsAre(0));
}

TEST(MegatronIndex, RefusesOtherFiles) {
  EXPECT_THAT(error(""), HasSubstr("at byte 0, there is no magic number of Megatron's index; "));
  EXPECT_THAT(error("TNTIDX\0\0"), HasSubstr("at byte 0, there is no magic number"));
  EXPECT_THAT(error(megatron_index_bytes({.version = 2, .sizes = {6}})),
              HasSubstr("at byte 9, there is version 2 of Megatron's index, and 1 is known; "));
}

TEST(MegatronIndex, RefusesOneCutShortAnywhere) {
  const std::string bytes = megatron_index_bytes({.sizes = {3, 2, 1}});
  EXPECT_TRUE(open(bytes, 12).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(error(bytes.substr(0, size)), HasSubstr("a.idx cannot be read as tokens: at byte "))
        << size;
  }
  EXPECT_THAT(error(bytes + "x"),
              HasSubstr("at byte 18, the header counts 3 sequences and 4 bounds of documents, but "
                        "the file has 103 bytes; "));
  EXPECT_THAT(error(bytes + "xxx"), HasSubstr("there is a mode for each sequence"));
}

TEST(MegatronIndex, RefusesSizesThatOverflow) {
  std::string bytes = megatron_index_bytes({.sizes = {6}});
  for (const std::size_t place : {18, 26}) {
    for (const std::uint64_t count : {std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
      std::string number;
      append_number(number, count);
      EXPECT_THAT(error(std::string(bytes).replace(place, 8, number)),
                  HasSubstr("at byte 18, the header counts "));
    }
  }
}

TEST(MegatronIndex, RefusesSequencesThatDoNotFillTheData) {
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 2}})),
              HasSubstr("at byte 18, the sequences end at byte 10 of the data (.bin), which have "
                        "12 bytes; "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 4}})),
              HasSubstr("at byte 38, the sequence 1 ends at byte 14 of the data (.bin), which have "
                        "12 bytes; "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {7, -1}, .pointers = {0, 14}}), 20),
              HasSubstr("at byte 38, the sequence 1 has -1 tokens; "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 3}, .pointers = {0, 8}})),
              HasSubstr("at byte 50, the sequence 1 begins at byte 8 of the data, and the one "
                        "before it ends at 6; "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {6}, .pointers = {-2}})),
              HasSubstr("at byte 38, the sequence 0 begins at byte -2"));
}

TEST(MegatronIndex, RefusesDocumentsOfNoSequences) {
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 3}, .documents = {1, 2}})),
              HasSubstr("the document 0 begins with the sequence 1, where "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 3}, .documents = {0, 2, 1, 2}})),
              HasSubstr("the document 2 begins with the sequence 1, where 2 to 2 may be; "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 3}, .documents = {0, 1}})),
              HasSubstr("the document 1 begins with the sequence 1, where 2 is the end of all; "));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 3}, .documents = {0, 3}})),
              HasSubstr("begins with the sequence 3"));
  EXPECT_THAT(error(megatron_index_bytes({.sizes = {3, 3}, .documents = {0, -1, 2}})),
              HasSubstr("begins with the sequence -1"));
  std::string none = megatron_index_bytes({.sizes = {6}, .documents = {0}});
  none.resize(none.size() - 8);
  none[26] = 0;
  EXPECT_THAT(error(none), HasSubstr("at byte 26, there are no bounds of documents; "));
}

// Whatever is in it, it is refused or good: no look outside of it, as a sanitizer would tell.
TEST(MegatronIndex, StandsAnyBytes) {
  const std::string good = megatron_index_bytes({.sizes = {3, 0, 2, 1}, .documents = {0, 2, 3, 4}});
  std::mt19937 random(1);
  int refused = 0;
  for (int times = 0; times < 3000; ++times) {
    std::string bytes = good;
    for (int i = 0; i < 2; ++i)
      bytes[9 + random() % (bytes.size() - 9)] = static_cast<char>(random());
    const auto index = open(bytes, 12);
    if (!index.ok()) {
      ++refused;
      EXPECT_THAT(std::string(index.status().message()), StartsWith("/"));
      continue;
    }
    std::int64_t last = 0;
    for (const std::int64_t begin : begins(*index)) {
      EXPECT_GE(begin, last);
      last = begin;
    }
    EXPECT_EQ(last, index->num_tokens());
  }
  EXPECT_GT(refused, 2000);
}

}  // namespace
}  // namespace accelerate
