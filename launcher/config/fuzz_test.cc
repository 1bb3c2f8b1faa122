// Whatever stands in a file, reading it ends with a config or an error, and a config that was read
// is the same after it has been written.
#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"
#include "launcher/config/read_config.h"
#include "launcher/config/write_config.h"

namespace accelerate::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTimeForEach = std::chrono::milliseconds(1000);
constexpr auto kLongestForOne = std::chrono::seconds(5);

const std::vector<std::string>& tokens() {
  static const std::vector<std::string> tokens = {
      "distributed_type",
      "NO",
      "MULTI_CPU",
      "num_processes",
      "gpu_ids",
      "fsdp_config",
      "fp8_config",
      "override_linear_precision",
      "tpu_env",
      "deepspeed_config",
      "fp16",
      "dynamo_backend",
      "mixed_precision",
      "commands",
      ":",
      ": ",
      "\n",
      "\n  ",
      "\n- ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      ",",
      ", ",
      "'",
      "\"",
      "#",
      " #",
      "&a ",
      "*a",
      "!",
      "!!str ",
      "!!int ",
      "|",
      "|\n",
      ">\n ",
      "?",
      "? ",
      "%",
      "---\n",
      "...\n",
      "\\",
      "\\n",
      "\\N",
      "\\_",
      "\\x41",
      "\\ud83d",
      "\\U0001F600",
      "true",
      "no",
      "null",
      "~",
      "0",
      "1",
      "-1",
      "2.5",
      "1e5",
      ".inf",
      "0x10",
      "1:30",
      "<<",
      "=",
      "@",
      "`",
      "\t",
      "\r",
      " ",
      "  ",
      "é",
      "\xC2\x85",
      "\xE2\x80\xA8",
      "\xEF\xBB\xBF",
      "\xFF",
      "a",
      "word word word word word word word word word word word word"};
  return tokens;
}

class Fuzz : public ::testing::TestWithParam<std::string> {
 protected:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  const std::string& token() { return tokens()[below(tokens().size())]; }

  // One of a few things that an editor, a bad disk or an enemy does.
  void mutate(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(below(20), text.size() - at);
    switch (below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(below(text.size() + 1), below(60)));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 3:
        text.replace(at, length, token());
        break;
      case 4:
        text.resize(at);
        break;
      default:
        text.insert(at, token());
    }
  }

  void check(const std::string& text) {
    const Clock::time_point start = Clock::now();
    const absl::StatusOr<ReadConfig> read = parse_config(text, GetParam());
    EXPECT_LT(Clock::now() - start, kLongestForOne) << text;
    if (!read.ok()) {
      EXPECT_FALSE(read.status().message().empty());
      return;
    }
    ++num_read_;
    for (const std::string path : {"again.yaml", "again.json"}) {
      const absl::StatusOr<std::string> written = format_config(read->config, path);
      ASSERT_TRUE(written.ok()) << written.status() << "\n" << text;
      const absl::StatusOr<ReadConfig> again = parse_config(*written, path);
      ASSERT_TRUE(again.ok()) << again.status() << "\n" << text << "\n" << *written;
      EXPECT_TRUE(again->config == read->config) << text << "\n" << *written;
    }
  }

  std::mt19937 random_{20240229};
  int num_read_ = 0;
};

TEST_P(Fuzz, MutatedFiles) {
  std::vector<std::string> seeds;
  for (const std::string folder : {"reference", "sparse", "written"}) {
    for (const auto& [name, text] : read_testdata(folder)) {
      if (name.ends_with(".json") == GetParam().ends_with(".json")) seeds.push_back(text);
    }
  }
  const Clock::time_point end = Clock::now() + kTimeForEach;
  while (Clock::now() < end && !HasFailure()) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t i = below(6) + 1; i > 0; --i) mutate(text);
    check(text);
  }
  EXPECT_GT(num_read_, 0);
}

TEST_P(Fuzz, RandomTokens) {
  const Clock::time_point end = Clock::now() + kTimeForEach;
  while (Clock::now() < end && !HasFailure()) {
    std::string text = below(2) == 0 ? "distributed_type: 'NO'\n" : "";
    for (std::size_t i = below(40); i > 0; --i) text += token();
    check(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Fuzz, ::testing::Values("fuzz.yaml", "fuzz.json"),
                         [](const auto& info) { return info.param.substr(5); });

}  // namespace
}  // namespace accelerate::launcher
