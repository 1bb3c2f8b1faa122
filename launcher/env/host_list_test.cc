#include "launcher/env/host_list.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> hosts(const std::string& text) {
  const auto expanded = expand_host_list("LIST", text);
  EXPECT_TRUE(expanded.ok()) << expanded.status();
  return expanded.value_or(std::vector<std::string>());
}

TEST(HostList, IsWrittenOutInItsOrder) {
  EXPECT_THAT(hosts("vm"), ElementsAre("vm"));
  EXPECT_THAT(hosts("a[1-3,7],b"), ElementsAre("a1", "a2", "a3", "a7", "b"));
  EXPECT_THAT(hosts("b,a.example.org"), ElementsAre("b", "a.example.org"));
}

TEST(HostList, KeepsLeadingZeros) {
  EXPECT_THAT(hosts("n[008-010,3]"), ElementsAre("n008", "n009", "n010", "n3"));
  EXPECT_THAT(hosts("n[9-10]x"), ElementsAre("n9x", "n10x"));
}

TEST(HostList, MayHaveSeveralBracketsInAName) {
  EXPECT_THAT(hosts("r[1-2]n[01-02]"), ElementsAre("r1n01", "r1n02", "r2n01", "r2n02"));
}

TEST(HostList, IsRefusedWhereItIsNone) {
  for (const std::string text : {"", "a,,b", "a[", "a]", "a[1", "a[]", "a[x]", "a[3-1]", "a[1-]",
                                 "a[-1]", "a[1-99999999999]", "a[1-300][1-300]", "a[[1]]"}) {
    EXPECT_THAT(
        std::string(expand_host_list("LIST", text).status().message()),
        AllOf(HasSubstr("LIST=" + text + " is not a list of hosts"), HasSubstr("set MASTER_ADDR")));
  }
}

TEST(HostList, HasAFirstHost) {
  EXPECT_EQ(*first_host("LIST", "n[03-05]"), "n03");
  EXPECT_FALSE(first_host("LIST", "n[").ok());
}

}  // namespace
}  // namespace accelerate::launcher
