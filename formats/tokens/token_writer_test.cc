#include "formats/tokens/token_writer.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "formats/tokens/testing/token_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::HasSubstr;

using Tokens = std::vector<std::uint16_t>;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TokenWriter create(const std::string& path, TokenFormat format) {
  absl::StatusOr<TokenWriter> writer = TokenWriter::create(path, format);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return *std::move(writer);
}

TEST(TokenWriter, WritesTokensAlone) {
  const std::string path = new_token_folder() + "/a.bin";
  TokenWriter writer = create(path, TokenFormat::kRaw);
  EXPECT_TRUE(writer.append(Tokens{1, 65535}).ok());
  EXPECT_TRUE(writer.append(Tokens{}).ok());
  EXPECT_TRUE(writer.append(Tokens{258}).ok());
  EXPECT_EQ(writer.num_tokens(), 3u);
  EXPECT_EQ(writer.num_bytes(), 6u);
  EXPECT_TRUE(writer.finish().ok());
  EXPECT_EQ(bytes_of(path), token_bytes<std::uint16_t>({1, 65535, 258}));
}

TEST(TokenWriter, WritesTheHeaderOfLlmC) {
  const std::string path = new_token_folder() + "/a.bin";
  TokenWriter writer = create(path, TokenFormat::kLlmC);
  EXPECT_TRUE(writer.append(Tokens{1, 2, 3}).ok());
  EXPECT_EQ(writer.num_tokens(), 3u);
  EXPECT_TRUE(writer.finish().ok());
  EXPECT_EQ(bytes_of(path),
            llm_c_header_bytes(20240520, 1, 3) + token_bytes<std::uint16_t>({1, 2, 3}));
}

TEST(TokenWriter, MovesTheLastTokens) {
  const std::string folder = new_token_folder();
  constexpr std::uint16_t kTokens = 60000;
  for (const TokenFormat format : {TokenFormat::kRaw, TokenFormat::kLlmC}) {
    TokenWriter writer = create(folder + "/a.bin", format);
    TokenWriter last = create(folder + "/b.bin", format);
    Tokens tokens;
    for (std::uint16_t i = 0; i < kTokens; ++i) tokens.push_back(i);
    for (int times = 0; times < 20; ++times) {
      EXPECT_TRUE(writer.append(tokens).ok());
    }
    // More than are moved at once.
    const std::uint64_t count = 20 * kTokens - 5;
    EXPECT_TRUE(writer.move_last(count, last).ok());
    EXPECT_EQ(writer.num_tokens(), 5u);
    EXPECT_EQ(last.num_tokens(), count);
    EXPECT_TRUE(writer.finish().ok());
    EXPECT_TRUE(last.finish().ok());
    const std::uint64_t header = format == TokenFormat::kLlmC ? 1024 : 0;
    EXPECT_EQ(bytes_of(folder + "/a.bin").substr(header),
              token_bytes<std::uint16_t>({0, 1, 2, 3, 4}));
    const std::string moved = bytes_of(folder + "/b.bin").substr(header);
    EXPECT_EQ(moved.size(), 2 * count);
    EXPECT_EQ(moved.substr(0, 4), token_bytes<std::uint16_t>({5, 6}));
    EXPECT_EQ(moved.substr(moved.size() - 2), token_bytes<std::uint16_t>({kTokens - 1}));
  }
}

TEST(TokenWriter, RefusesWhatItCannotWrite) {
  const std::string path = new_token_folder() + "/a.bin";
  EXPECT_THAT(std::string(TokenWriter::create(path, TokenFormat::kMegatron).status().message()),
              HasSubstr(path + " cannot be written in Megatron's format; "));
  EXPECT_FALSE(TokenWriter::create("/dev/null", TokenFormat::kRaw).ok());
}

}  // namespace
}  // namespace accelerate
