#include "launcher/config/printable.h"

#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(Printable, EscapesWhatCouldHarmATerminal) {
  EXPECT_EQ(printable("it's é"), "\"it\\'s é\"");
  EXPECT_EQ(printable("\x1b[2J\n"), "\"\\033[2J\\n\"");
  EXPECT_EQ(printable("é\xff"), "\"\\303\\251\\377\"");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable(std::string(60, 'x')), '"' + std::string(60, 'x') + '"');
  EXPECT_EQ(printable(std::string(59, 'x') + "éé"), '"' + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace accelerate::launcher
