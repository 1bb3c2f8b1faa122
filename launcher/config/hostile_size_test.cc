// Files that would grow in memory end in an error, soon.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_node.h"
#include "launcher/config/config_testing.h"
#include "launcher/config/yaml_reader.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::size_t bytes_of(const ConfigNode& node) {
  std::size_t bytes = node.text.size() + node.key.size();
  for (const ConfigNode& child : node.children) bytes += bytes_of(child);
  return bytes;
}

TEST(HostileSize, CountsEachCopyOfALongText) {
  for (const std::size_t size : {10'000, 100'000}) {
    const std::string text =
        "a: &a " + std::string(size, 'x') + "\nb: [" + repeated("*a,", 1000) + "]\n";
    EXPECT_THAT(parse_error(text), HasSubstr("my.yaml:2: with all aliases written out there are "
                                             "more than 131072 bytes"));
  }
}

TEST(HostileSize, CountsEachCopyOfALongKey) {
  const std::string key(100'000, 'k');
  EXPECT_THAT(parse_error("a: &a\n  ? " + key + "\n  : 1\nb: [" + repeated("*a,", 1000) + "]\n"),
              HasSubstr("more than 131072 bytes"));
}

TEST(HostileSize, CountsCopiesOfCopies) {
  const std::string text = "a: &a " + std::string(1000, 'x') + "\nb: &b [" + repeated("*a,", 10) +
                           "]\nc: &c [" + repeated("*b,", 10) + "]\nd: &d [" + repeated("*c,", 10) +
                           "]\ne: [" + repeated("*d,", 10) + "]\n";
  EXPECT_THAT(parse_error(text), HasSubstr("more than 131072 bytes"));
}

TEST(HostileSize, LeavesAliasesOfAnOrdinarySizeAlone) {
  const std::string text =
      "a: &a {k: " + std::string(100, 'x') + "}\nb: [" + repeated("*a,", 500) + "]\n";
  const auto document = parse_yaml(text, "my.yaml");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_GT(bytes_of(*document), 50'000);
}

}  // namespace
}  // namespace accelerate::launcher
