#include "launcher/cli/arguments.h"

#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

using Words = std::vector<std::string>;

const CommandSyntax kSyntax = {
    .name = "paint",
    .description = "Paints a house.",
    .positionals = {{.name = "HOUSE", .help = "The house."}},
    .flags = {{.name = "main_colour", .value_name = "COLOUR", .help = "Of the walls (white)."},
              {.name = "rooms", .value_name = "ROOM", .many = true, .help = "Which rooms (all)."},
              {.name = "dry_run", .help = "Only say what would be done."},
              {.name = "old_flag", .value_name = "X"}}};

Arguments parse(const Words& words) {
  const auto arguments = parse_arguments(kSyntax, words);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  return arguments.ok() ? *arguments : Arguments{};
}

std::string error(const Words& words) {
  const auto arguments = parse_arguments(kSyntax, words);
  EXPECT_FALSE(arguments.ok());
  return std::string(arguments.status().message());
}

TEST(Arguments, HaveNoFlagThatWasNotGiven) {
  const Arguments arguments = parse({"home"});
  EXPECT_THAT(arguments.positionals, ElementsAre("home"));
  EXPECT_FALSE(arguments.has("dry_run"));
  EXPECT_EQ(arguments.value("main_colour"), std::nullopt);
  EXPECT_THAT(arguments.values("rooms"), IsEmpty());
  EXPECT_FALSE(arguments.help);
}

TEST(Arguments, MayAddUpAFlagThatIsRepeated) {
  const CommandSyntax syntax = {
      .name = "paint",
      .description = "Paints houses.",
      .flags = {{.name = "room", .value_name = "ROOM", .repeated = true, .help = "One of them."}}};
  const auto arguments = parse_arguments(syntax, {"--room=a", "--room", "b", "--room=c"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_THAT(arguments->values("room"), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(parse_arguments(syntax, {"--room=a", "--room"}).ok());
}

TEST(Arguments, MayHaveManyOfTheLastPositional) {
  const CommandSyntax syntax = {
      .name = "paint",
      .description = "Paints houses.",
      .positionals = {{.name = "COLOUR", .help = "Of all."},
                      {.name = "HOUSE", .help = "The houses.", .many = true}},
      .flags = {{.name = "dry_run", .help = "Only say what would be done."}}};
  const auto arguments = parse_arguments(syntax, {"red", "home", "--dry_run", "barn", "shed"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_THAT(arguments->positionals, ElementsAre("red", "home", "barn", "shed"));
  EXPECT_TRUE(parse_arguments(syntax, {"red", "home"}).ok());
  EXPECT_EQ(parse_arguments(syntax, {"red"}).status().message(),
            "HOUSE is missing; write accelerate paint COLOUR HOUSE [HOUSE ...] [--dry_run].");
  EXPECT_THAT(syntax_help(syntax),
              HasSubstr("usage: accelerate paint COLOUR HOUSE [HOUSE ...] [--dry_run]\n"));
}

TEST(Arguments, TakeHyphensUnderscoresAndSeparateValues) {
  for (const Words& words : {Words{"home", "--main_colour=red", "--dry-run"},
                             {"--main-colour", "red", "--dry_run", "home"},
                             {"--dry_run", "home", "--main-colour=red"}}) {
    const Arguments arguments = parse(words);
    EXPECT_THAT(arguments.positionals, ElementsAre("home"));
    EXPECT_THAT(arguments.value("main_colour"), Optional(std::string("red")));
    EXPECT_TRUE(arguments.has("dry_run"));
  }
  EXPECT_THAT(parse({"home", "--main_colour="}).value("main_colour"), Optional(std::string()));
  EXPECT_THAT(parse({"home", "--main_colour=a-b=c"}).value("main_colour"),
              Optional(std::string("a-b=c")));
}

TEST(Arguments, CanHaveManyValuesOfAFlag) {
  EXPECT_THAT(parse({"home", "--rooms", "a", "b", "--dry_run"}).values("rooms"),
              ElementsAre("a", "b"));
  EXPECT_THAT(parse({"--rooms=a", "home"}).values("rooms"), ElementsAre("a"));
  EXPECT_THAT(parse({"home", "--rooms", "a", "b", "--rooms", "c"}).values("rooms"),
              ElementsAre("c"));
}

TEST(Arguments, HoldTheLastValue) {
  EXPECT_THAT(parse({"home", "--main_colour=red", "--main-colour", "blue"}).value("main_colour"),
              Optional(std::string("blue")));
}

TEST(Arguments, EndWithFlagsAtADoubleHyphen) {
  EXPECT_THAT(parse({"--dry_run", "--", "--main_colour"}).positionals,
              ElementsAre("--main_colour"));
  EXPECT_THAT(parse({"-"}).positionals, ElementsAre("-"));
}

TEST(Arguments, AskForHelpWhateverElseIsThere) {
  EXPECT_TRUE(parse({"-h"}).help);
  EXPECT_TRUE(parse({"home", "two", "--help"}).help);
  EXPECT_THAT(error({"home", "--", "--help"}), HasSubstr("one word too many"));
}

TEST(Arguments, AreNotAbbreviated) {
  for (const std::string word : {"--main", "--dry", "--he", "-dry_run", "-d"}) {
    EXPECT_THAT(error({"home", word}), HasSubstr(word + " is not a flag of accelerate paint; "));
  }
}

TEST(Arguments, NameTheNearestFlagInOneLine) {
  EXPECT_EQ(error({"home", "--main_color=red"}),
            "--main_color is not a flag of accelerate paint; did you mean --main_colour?");
  EXPECT_EQ(error({"home", "--dry-rum"}),
            "--dry-rum is not a flag of accelerate paint; did you mean --dry_run?");
  EXPECT_EQ(error({"home", "-dry_run"}),
            "-dry_run is not a flag of accelerate paint; did you mean --dry_run?");
  EXPECT_EQ(error({"home", "--qqqqqqqqqqqq"}),
            "--qqqqqqqqqqqq is not a flag of accelerate paint; choose one of --main_colour, "
            "--rooms, --dry_run, --help.");
}

TEST(Arguments, RefuseAMissingValueAndOneTooMany) {
  for (const Words& words : {Words{"home", "--main_colour"},
                             {"home", "--main_colour", "--dry_run"},
                             {"--main_colour", "--", "home"}}) {
    EXPECT_EQ(error(words), "--main_colour needs a value; write --main_colour=COLOUR.");
  }
  EXPECT_THAT(error({"home", "--rooms"}), HasSubstr("--rooms needs a value"));
  EXPECT_EQ(error({"home", "--dry_run=yes"}),
            "--dry_run=yes: --dry_run takes no value; write --dry_run alone.");
}

TEST(Arguments, RefuseMissingAndSurplusWords) {
  const std::string usage =
      "write accelerate paint HOUSE [--main_colour COLOUR] [--rooms ROOM [ROOM ...]] [--dry_run].";
  EXPECT_EQ(error({}), "HOUSE is missing; " + usage);
  EXPECT_EQ(error({"home", "garage"}), "\"garage\" is one word too many; " + usage);
}

TEST(Arguments, TakeFlagsThatTheHelpDoesNotShow) {
  EXPECT_TRUE(parse({"home", "--old-flag", "x"}).has("old_flag"));
  EXPECT_THAT(syntax_help(kSyntax), Not(HasSubstr("old_flag")));
}

TEST(SyntaxHelp, DescribesEachFlagInLinesThatFit) {
  const std::string help = syntax_help(kSyntax, 80);
  for (const std::string part :
       {"usage: accelerate paint HOUSE [", "\n\nPaints a house.\n\n",
        "\n  HOUSE                       The house.\n",
        "\n  --main_colour COLOUR        Of the walls (white).\n",
        "\n  --rooms ROOM [ROOM ...]     Which rooms (all).\n", "\n  -h, --help  "}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
  for (const int width : {50, 80, 100}) {
    std::istringstream lines(syntax_help(kSyntax, width));
    for (std::string line; std::getline(lines, line);) EXPECT_THAT(line, SizeIs(Le(width)));
  }
}

}  // namespace
}  // namespace accelerate::launcher
