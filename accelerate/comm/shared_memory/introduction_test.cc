#include "accelerate/comm/shared_memory/introduction.h"

#include <gtest/gtest.h>

#include <random>

namespace accelerate::internal {
namespace {

const Introduction kOwn{
    .host = "boot 4711 net:[1]", .pid_namespace = "pid:[2]", .pid = 4194304, .cores = {0, 7, 1023}};

TEST(Introduction, IsReadAsItWasWritten) {
  const auto read = read_introduction(to_text(kOwn));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->host, kOwn.host);
  EXPECT_EQ(read->pid_namespace, kOwn.pid_namespace);
  EXPECT_EQ(read->pid, kOwn.pid);
  EXPECT_EQ(read->cores, kOwn.cores);
}

TEST(Introduction, IsNotReadOutOfWhatNobodyWrote) {
  for (const char* text :
       {"", " ", "1", "3 ab", "99999999999999999999 a", "99999999999 a", "-1 a", "1 a1 b",
        "1 a1 b0 ", "1 a1 b-5 ", "1 a1 b4194305 ", "1 a1 b7 1024 ", "1 a1 b7 0", "1 a1 b7 x "}) {
    EXPECT_FALSE(read_introduction(text).has_value()) << text;
  }
}

TEST(Introduction, IsReadWhateverStandsThere) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = to_text(kOwn);
    for (int change = 0; change < 3; ++change)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    if (round % 2 == 0) text.resize(random() % text.size());
    read_introduction(text);
    split(text, random() % 5);
  }
}

TEST(Texts, AreSplitAsTheyWereJoined) {
  const std::vector<std::string> texts = {"", std::string("a\0 1", 4), std::string(5000, 'x')};
  EXPECT_EQ(split(joined(texts), 3), texts);
  EXPECT_EQ(split("", 0), std::vector<std::string>());
}

TEST(Texts, AreNotSplitIntoOthers) {
  const std::string text = joined({"a", "b"});
  for (const size_t count : {0, 1, 3}) EXPECT_FALSE(split(text, count).has_value());
  EXPECT_FALSE(split("5 a", 1).has_value());
  EXPECT_FALSE(split("18446744073709551615 a", 1).has_value());
  EXPECT_FALSE(split(joined({std::string(kLongestText + 1, 'x')}), 1).has_value());
}

}  // namespace
}  // namespace accelerate::internal
