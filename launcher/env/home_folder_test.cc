#include "launcher/env/home_folder.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(ExpandHome, StandsForTheHomeFolderAtTheStartAlone) {
  const EnvironmentLookup lookup = [](const std::string&) { return "/home/me"; };
  EXPECT_EQ(expand_home("~", lookup), "/home/me");
  EXPECT_EQ(expand_home("~/a b", lookup), "/home/me/a b");
  for (const std::string path : {"", "/~", "a/~/b", "~you/a", "~~"}) {
    EXPECT_EQ(expand_home(path, lookup), path);
  }
}

TEST(ExpandHome, AsksTheSystemWhereHomeIsNotSet) {
  for (const std::optional<std::string>& home : {std::optional<std::string>(), {""}}) {
    EXPECT_EQ(expand_home("~", [&](const std::string&) { return home; })[0], '/');
  }
}

}  // namespace
}  // namespace accelerate::launcher
