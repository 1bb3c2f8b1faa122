#include "launcher/text/printable.h"

#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(Printable, EscapesWhatCouldHarmATerminal) {
  EXPECT_EQ(printable("it's é"), "\"it\\'s é\"");
  EXPECT_EQ(printable("\x1b[2J\n"), "\"\\033[2J\\n\"");
  EXPECT_EQ(printable("é\xff"), "\"\\303\\251\\377\"");
}

TEST(Printable, EscapesWhatATerminalObeysBeyondAscii) {
  EXPECT_EQ(printable("a\u009b2Jb"), "\"a\\u009b2Jb\"");
  EXPECT_EQ(printable("a\u202eb\u2066"), "\"a\\u202eb\\u2066\"");
  EXPECT_EQ(printable("\U000e0041"), "\"\\U000e0041\"");
  EXPECT_EQ(printable("a\x9b"), "\"a\\233\"");
}

TEST(Plain, KeepsWhatIsShown) {
  EXPECT_EQ(plain(""), "");
  EXPECT_EQ(plain("it's \"é\" – 好 😀\\"), "it's \"é\" – 好 😀\\");
  EXPECT_EQ(plain(std::string(10'000, 'x')), std::string(10'000, 'x'));
}

TEST(Plain, ShowsNothingThatATerminalObeys) {
  EXPECT_EQ(plain("a\nb\x1b[31m\x7f"), "a b [31m ");
  EXPECT_EQ(plain("a\u009b2Jb\u202ec\u2028"), "a?2Jb?c?");
  EXPECT_EQ(plain("\x9b"
                  "a\xff\xc3"),
            "?a??");
  EXPECT_EQ(plain(std::string("\0é", 3)), " é");
}

TEST(PlainLines, AreShownAsLines) {
  EXPECT_EQ(plain_lines("a\n\tb\r\x1b[2J\u009b\x9b\n"), "a\n\tb  [2J??\n");
  EXPECT_EQ(plain_lines(std::string("\0x", 2)), " x");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable(std::string(60, 'x')), '"' + std::string(60, 'x') + '"');
  EXPECT_EQ(printable(std::string(59, 'x') + "éé"), '"' + std::string(59, 'x') + "...\"");
}

TEST(PlainStart, IsCutBetweenCharacters) {
  EXPECT_EQ(plain_start("a\nb"), "a b");
  EXPECT_EQ(plain_start("aéb", 2), "a...");
  EXPECT_EQ(plain_start(std::string(9, '\x9b'), 2), "...");
}

}  // namespace
}  // namespace accelerate::launcher
