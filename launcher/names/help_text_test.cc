#include "launcher/names/help_text.h"

#include <cstdlib>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(HelpWidth, IsWhatColumnsSaysWithinReason) {
  const auto width_for = [](const char* columns) {
    setenv("COLUMNS", columns, /*replace=*/1);
    const int width = help_width();
    unsetenv("COLUMNS");
    return width;
  };
  EXPECT_EQ(width_for("72"), 72);
  EXPECT_EQ(width_for("7"), 40);
  EXPECT_EQ(width_for("200"), 100);
  EXPECT_EQ(width_for("wide"), width_for("0"));
}

TEST(Wrapped, BreaksAtBlanksAlone) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("one two three", 6, 2), "one\n  two\n  three");
  EXPECT_EQ(wrapped("--a-long-flag x", 5), "--a-long-flag\nx");
  EXPECT_EQ(wrapped("one\n\ntwo three", 5), "one\n\ntwo\nthree");
  EXPECT_EQ(wrapped("", 5), "");
  EXPECT_EQ(wrapped_words({"[--flag VALUE]", "[-x]"}, 14, 4), "[--flag VALUE]\n    [-x]");
}

TEST(HelpRow, HasTheMeaningBesideOrBelow) {
  std::string help;
  append_help_row("--a", "Means a thing.", {.column = 8, .width = 20}, help);
  append_help_row("--longer", "It.", {.column = 8, .width = 20}, help);
  EXPECT_EQ(help, "  --a   Means a\n        thing.\n  --longer\n        It.\n");
}

}  // namespace
}  // namespace accelerate::launcher
