#include "formats/tokens/token_shard.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "formats/tokens/testing/token_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace accelerate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Tokens = std::vector<std::int64_t>;

const std::string kTestdata = "formats/tokens/testdata/";
constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
constexpr char kBad[] = " cannot be read as tokens: at byte ";

TokenShard open(const std::string& path, const TokenShardOptions& options = {}) {
  absl::StatusOr<TokenShard> shard = TokenShard::open(path, options);
  EXPECT_TRUE(shard.ok()) << shard.status();
  return *std::move(shard);
}

std::string error(const std::string& path, const TokenShardOptions& options = {}) {
  return std::string(TokenShard::open(path, options).status().message());
}

Tokens all(const TokenShard& shard) {
  Tokens tokens(shard.size());
  EXPECT_TRUE(shard.read(0, tokens, kAny).ok());
  return tokens;
}

// The file `name` in a folder of its own.
std::string file(const std::string& name, const std::string& bytes) {
  const std::string path = new_token_folder() + "/" + name;
  write_bytes(path, bytes);
  return path;
}

// ---- What other programs wrote.

struct Recorded {
  std::vector<Tokens> documents;
  std::int64_t end = 0;

  // With the mark before or behind each document.
  Tokens marked(bool before) const {
    Tokens tokens;
    for (const Tokens& document : documents) {
      if (before) tokens.push_back(end);
      tokens.insert(tokens.end(), document.begin(), document.end());
      if (!before) tokens.push_back(end);
    }
    return tokens;
  }
  Tokens unmarked() const {
    Tokens tokens;
    for (const Tokens& document : documents)
      tokens.insert(tokens.end(), document.begin(), document.end());
    return tokens;
  }
  Tokens begins(std::int64_t marks) const {
    Tokens places = {0};
    for (const Tokens& document : documents)
      places.push_back(places.back() + document.size() + marks);
    places.pop_back();
    return places;
  }
};

Recorded recorded(bool with_large) {
  const auto json = nlohmann::json::parse(std::ifstream(kTestdata + "tokens.json"));
  Recorded result{json.at("documents").get<std::vector<Tokens>>(), json.at("end")};
  EXPECT_EQ(result.documents.size(), 7u);
  if (with_large) result.documents.back().push_back(json.at("large"));
  return result;
}

TEST(TokenShard, ReadsWhatNanoGptWrote) {
  const TokenShard shard = open(kTestdata + "nanogpt.bin");
  EXPECT_EQ(shard.format(), TokenFormat::kRaw);
  EXPECT_EQ(all(shard), recorded(false).marked(false));
  EXPECT_EQ(shard.document_begins({.end = 50256}), recorded(false).begins(1));
}

TEST(TokenShard, ReadsWhatLlmCWrote) {
  for (const bool large : {false, true}) {
    const TokenShard shard = open(kTestdata + (large ? "llm_c_llama3.bin" : "llm_c_gpt2.bin"));
    EXPECT_EQ(shard.format(), TokenFormat::kLlmC);
    EXPECT_EQ(shard.type(), large ? TokenType::kUint32 : TokenType::kUint16);
    EXPECT_EQ(all(shard), recorded(large).marked(true));
    EXPECT_EQ(shard.document_begins({.start = 50256}), recorded(large).begins(1));
  }
}

TEST(TokenShard, ReadsWhatMegatronWrote) {
  for (const bool large : {false, true}) {
    const TokenShard shard =
        open(kTestdata + (large ? "megatron_int32.bin" : "megatron_uint16.bin"));
    EXPECT_EQ(shard.format(), TokenFormat::kMegatron);
    EXPECT_EQ(shard.type(), large ? TokenType::kInt32 : TokenType::kUint16);
    EXPECT_EQ(all(shard), recorded(large).unmarked());
    EXPECT_EQ(shard.document_begins({}), recorded(large).begins(0));
  }
}

// ---- Reading.

TEST(TokenShard, ReadsEveryTypeWhereverItBegins) {
  Tokens expected;
  for (std::int64_t i = 0; i < 100; ++i) expected.push_back(i * 2 % 251);
  for (const TokenType type : {TokenType::kUint8, TokenType::kUint16, TokenType::kUint32,
                               TokenType::kInt32, TokenType::kInt64}) {
    const std::string bytes = type == TokenType::kUint8    ? token_bytes<std::uint8_t>(expected)
                              : type == TokenType::kUint16 ? token_bytes<std::uint16_t>(expected)
                              : type == TokenType::kInt64  ? token_bytes<std::int64_t>(expected)
                                                           : token_bytes<std::int32_t>(expected);
    const TokenShard shard = open(file("a.bin", bytes), {.type = type});
    EXPECT_EQ(shard.size(), 100);
    for (const int first : {0, 1, 7, 99, 100}) {
      Tokens tokens(100 - first);
      shard.load_ahead(first, 100 - first);
      EXPECT_TRUE(shard.read(first, tokens, 251).ok());
      EXPECT_EQ(tokens, Tokens(expected.begin() + first, expected.end()));
    }
  }
}

TEST(TokenShard, KeepsTheHighestBit) {
  EXPECT_THAT(all(open(file("a.bin", token_bytes<std::uint16_t>({65535, 32768})))),
              ElementsAre(65535, 32768));
  EXPECT_THAT(all(open(file("a.bin", token_bytes<std::uint32_t>({4294967295, 2147483648})),
                       {.type = TokenType::kUint32})),
              ElementsAre(4294967295, 2147483648));
}

TEST(TokenShard, RefusesToReadBehindItsEnd) {
  const TokenShard shard = open(file("a.bin", token_bytes<std::uint16_t>({1, 2, 3})));
  for (const std::int64_t first : {std::int64_t{-1}, std::int64_t{2}, std::int64_t{4}, kAny}) {
    Tokens two(2);
    EXPECT_EQ(shard.read(first, two, kAny).code(), absl::StatusCode::kOutOfRange) << first;
  }
}

TEST(TokenShard, SaysWhereATokenIsThatNobodyKnows) {
  // In a piece of the fixed length, and behind it.
  for (const int place : {3, 17}) {
    Tokens tokens(20, 99);
    tokens[place] = 100;
    const std::string path =
        file("a.bin", llm_c_header_bytes(20240520, 1, 20) + token_bytes<std::uint16_t>(tokens));
    const TokenShard shard = open(path);
    Tokens read(18);
    EXPECT_TRUE(shard.read(2, read, 101).ok());
    EXPECT_EQ(shard.read(2, read, 100).message(),
              path + kBad + std::to_string(1024 + 2 * place) +
                  ", there is the token 100, which a vocabulary of 100 does not have; give the "
                  "vocabulary size that it was written for, and the type that its tokens have.");
  }
  const std::string path = file("a.bin", token_bytes<std::int32_t>({5, -7, 5}));
  Tokens read(3);
  EXPECT_THAT(std::string(open(path, {.type = TokenType::kInt32}).read(0, read, kAny).message()),
              HasSubstr(path + kBad + "4, there is the token -7, which is below 0; "));
  const std::string lowest =
      file("a.bin", token_bytes<std::int64_t>({std::numeric_limits<std::int64_t>::min()}));
  Tokens one(1);
  EXPECT_FALSE(open(lowest, {.type = TokenType::kInt64}).read(0, one, kAny).ok());
  EXPECT_FALSE(open(lowest, {.type = TokenType::kInt64}).read(0, one, 1).ok());
}

TEST(TokenShard, FindsDocumentsByMarks) {
  const TokenShard shard = open(file("a.bin", token_bytes<std::uint16_t>({9, 1, 9, 9, 2, 3, 9})));
  EXPECT_THAT(shard.document_begins({.end = 9}), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(shard.document_begins({.start = 9}), ElementsAre(0, 2, 3, 6));
  EXPECT_THAT(shard.document_begins({.end = 8}), ElementsAre(0));
}

TEST(TokenShard, IsReadFromSeveralThreads) {
  const TokenShard shard = open(kTestdata + "nanogpt.bin");
  const Tokens expected = all(shard);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int times = 0; times < 500; ++times) EXPECT_EQ(all(shard), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- Damaged files.

TEST(TokenShard, RefusesFilesCutShort) {
  const std::string odd = file("odd.bin", "12345");
  EXPECT_EQ(error(odd), odd + kBad +
                            "4, it ends within a token of uint16; copy the file again, or give the "
                            "type that its tokens have.");
  const std::string three = file("three.bin", token_bytes<std::uint16_t>({1, 2, 3}));
  EXPECT_THAT(error(three, {.type = TokenType::kUint32}),
              HasSubstr(kBad + std::string("4, it ends within a token of uint32; ")));
  const std::string empty = file("empty.bin", "");
  EXPECT_EQ(error(empty),
            empty + kBad + "0, it ends without a token; write it again, or leave it out.");
  EXPECT_THAT(error("/no/such.bin"), HasSubstr("/no/such.bin: there is no such file"));
}

TEST(TokenShard, RefusesDamagedHeadersOfLlmC) {
  const std::string tokens = token_bytes<std::uint16_t>({1, 2, 3});
  const std::string good = llm_c_header_bytes(20240520, 1, 3) + tokens;
  const auto of = [](const std::string& bytes) {
    const std::string path = file("a.bin", bytes);
    const std::string message = error(path);
    return message.empty() ? message : message.substr(path.size());
  };
  EXPECT_THAT(of(good), "");
  EXPECT_THAT(of(good.substr(0, 1023)),
              HasSubstr("at byte 1023, it ends within its header, which has 1024 bytes; "));
  EXPECT_THAT(of(good.substr(0, 1029)),
              HasSubstr("at byte 8, the header counts 3 tokens of 2 bytes, but 5 bytes follow"));
  EXPECT_THAT(of(good + "xx"), HasSubstr("counts 3 tokens of 2 bytes, but 8 bytes follow"));
  EXPECT_THAT(of(llm_c_header_bytes(20240520, 1, -3) + tokens), HasSubstr("counts -3 tokens"));
  EXPECT_THAT(of(llm_c_header_bytes(20240520, 1, 0)),
              HasSubstr("at byte 1024, it ends without a token; "));
  EXPECT_THAT(of(llm_c_header_bytes(20240520, 2, 3) + tokens),
              HasSubstr("at byte 4, there is version 2 of llm.c's header, and 1 is known; "));
  EXPECT_THAT(of(llm_c_header_bytes(20240801, 1, 3) + tokens), HasSubstr("version 1 of llm.c's"));
  EXPECT_THAT(of(llm_c_header_bytes(20240522, 1, 3) + tokens),
              HasSubstr("at byte 0, there is the magic number of llm.c's evaluations; "));
  const std::string raw = file("a.bin", tokens);
  EXPECT_THAT(error(raw, {.format = TokenFormat::kLlmC}),
              HasSubstr("at byte 0, there is no magic number of llm.c's files of tokens; "));
  EXPECT_THAT(error(file("a.bin", good), {.type = TokenType::kUint32}),
              HasSubstr("at byte 1024, there are tokens of uint16, and uint32 was asked for; "));
}

TEST(TokenShard, TakesNoFileForRawTokensThatIsNotCalledSo) {
  const std::string path = file("notes.txt", "some text.");
  EXPECT_EQ(error(path), path + kBad +
                             "0, its format is unknown, and its name does not end in .bin; give "
                             "the format if it holds tokens.");
  EXPECT_EQ(open(path, {.format = TokenFormat::kRaw}).size(), 5);
}

TEST(TokenShard, TakesNoDataWithADamagedIndexForRawTokens) {
  const std::string path = file("a.bin", token_bytes<std::uint16_t>({1, 2, 3}));
  write_bytes(std::filesystem::path(path).replace_extension(".idx"), "MMIDIDX");
  EXPECT_THAT(error(path), HasSubstr("a.idx" + std::string(kBad) + "0, there is no magic number"));
  EXPECT_EQ(open(path, {.format = TokenFormat::kRaw}).size(), 3);
  EXPECT_THAT(error(file("b.bin", "xx"), {.format = TokenFormat::kMegatron}),
              HasSubstr("b.idx: there is no such file"));
}

}  // namespace
}  // namespace accelerate
