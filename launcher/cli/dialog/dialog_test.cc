// Questions through a pipe, and what answers must be like.
#include <optional>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/dialog/answers.h"
#include "launcher/cli/dialog/interview.h"
#include "launcher/cli/dialog/key_decoder.h"
#include "launcher/cli/dialog/line_dialog.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Menu kSizes = {"Which size?", {"small", "Large one", "2 large ones"}};

struct Result {
  std::optional<std::size_t> choice;
  std::string message;
  std::string output;
};

Result choose(const std::string& input) {
  std::istringstream answers(input);
  std::ostringstream output;
  LineDialog dialog(answers, output);
  const absl::StatusOr<std::size_t> choice = dialog.choose(kSizes);
  if (choice.ok()) return {*choice, "", output.str()};
  return {std::nullopt, std::string(choice.status().message()), output.str()};
}

TEST(Answers, AreYesOrNoInAnyCase) {
  for (const std::string yes : {"yes", "YES", "Yes", "y", "Y"}) EXPECT_TRUE(*parse_yes_no(yes));
  for (const std::string no : {"no", "NO", "No", "n", "N"}) EXPECT_FALSE(*parse_yes_no(no));
  for (const std::string wrong : {"", "ye", "true", "1", "yes no", "nope", "\xff"}) {
    EXPECT_EQ(parse_yes_no(wrong).status().message(), "enter yes or no.") << wrong;
  }
}

TEST(Answers, AreNumbersWithinBounds) {
  EXPECT_EQ(*parse_number("80", 1, 80), 80);
  for (const std::string wrong : {"", "81", "0", "-1", "1.0", "one", "99999999999999999999"}) {
    EXPECT_EQ(parse_number(wrong, 1, 80).status().message(), "enter a whole number from 1 to 80.");
  }
}

TEST(Answers, AreTextThatAConfigFileCanHold) {
  EXPECT_EQ(*parse_text("/a folder/é"), "/a folder/é");
  EXPECT_EQ(*parse_word("node-0.example"), "node-0.example");
  EXPECT_FALSE(parse_word("10.0.0.1 10.0.0.2").ok());
  for (const std::string& wrong : {std::string(), std::string("a\0b", 3), std::string("\x1b[A"),
                                   std::string("a\tb"), std::string("\xff"), std::string("\x7f")}) {
    EXPECT_FALSE(parse_text(wrong).ok()) << wrong;
    EXPECT_FALSE(parse_word(wrong).ok()) << wrong;
  }
}

TEST(LineDialog, TakesTheNumberOrTheWordsOfAChoice) {
  EXPECT_EQ(choose("1\n").choice, 1u);
  EXPECT_EQ(choose("large ONE\n").choice, 1u);
  EXPECT_EQ(choose(" 2\r\n").choice, 2u);
  EXPECT_EQ(choose("2").choice, 2u);
  EXPECT_EQ(choose("\n").choice, 0u);
}

TEST(LineDialog, PrintsTheChoicesOnce) {
  EXPECT_EQ(choose("1\n").output,
            "Which size?\n  0. small\n  1. Large one\n  2. 2 large ones\n"
            "Please enter a number or the words [0]: \n");
}

TEST(LineDialog, EndsWithOneSentenceAboutAWrongAnswer) {
  EXPECT_EQ(
      choose("smal\n").message,
      "\"smal\" is not an answer to \"Which size?\"; did you mean small? Nothing was changed.");
  for (const std::string wrong : {"3\n", "-1\n", "00\n", "zzzzz\n", "\xff\xfe\n", "\x1b[A\n"}) {
    const Result result = choose(wrong);
    EXPECT_EQ(result.choice, std::nullopt) << wrong;
    EXPECT_THAT(result.message, HasSubstr(" is not an answer to \"Which size?\"; ")) << wrong;
    EXPECT_THAT(result.message, Not(HasSubstr("\x1b"))) << wrong;
  }
}

TEST(LineDialog, EndsWithTheInput) {
  EXPECT_EQ(choose("").message,
            "The input ended before \"Which size?\" was answered; enter a line for each question. "
            "Nothing was changed.");
}

TEST(LineDialog, DoesNotKeepAnEndlessLine) {
  EXPECT_THAT(choose(std::string(1 << 20, ' ')).message,
              HasSubstr("The answer to \"Which size?\" has more than 4096 bytes"));
}

TEST(Interview, AsksNoMoreAfterAnError) {
  std::istringstream answers("7\nmaybe\nyes\n");
  std::ostringstream output;
  LineDialog dialog(answers, output);
  Interview interview(dialog);
  const auto digit = [](const std::string& answer) { return parse_number(answer, 0, 9); };
  EXPECT_EQ(interview.ask<int>({.text = "How many?", .proposed = 1, .parse = digit}), 7);
  EXPECT_TRUE(interview.status().ok());
  EXPECT_TRUE(interview.ask_yes_no("Sure?", true));
  EXPECT_EQ(interview.status().message(),
            "\"maybe\" is not an answer to \"Sure?\"; enter yes or no. Nothing was changed.");
  EXPECT_FALSE(interview.ask_yes_no("Really?", false));
  EXPECT_EQ(interview.ask<std::string>({.text = "Who?", .parse = parse_word}), "");
  EXPECT_EQ(interview.choose(kSizes), 0u);
  EXPECT_EQ(output.str(), "How many? [1]: \nSure? [YES/no]: \n");
  EXPECT_THAT(std::string(interview.status().message()), HasSubstr("maybe"));
}

TEST(Interview, TakesAnEmptyAnswerForWhatIsProposed) {
  std::istringstream answers("\n \n\n");
  std::ostringstream output;
  LineDialog dialog(answers, output);
  Interview interview(dialog);
  EXPECT_TRUE(interview.ask_yes_no("Sure?", true));
  EXPECT_EQ(
      interview.ask<std::string>({.text = "Who?", .proposed = "somebody", .parse = parse_word}),
      "somebody");
  interview.ask<std::string>({.text = "Where?", .parse = parse_word});
  EXPECT_THAT(std::string(interview.status().message()),
              HasSubstr("\"\" is not an answer to \"Where?\"; enter one word"));
}

Key last_key(KeyDecoder& decoder, const std::string& bytes) {
  Key key = Key::kNone;
  for (const char byte : bytes) key = decoder.take(byte);
  return key;
}

TEST(KeyDecoder, KnowsTheKeysOfAMenu) {
  KeyDecoder decoder;
  for (const std::string up : {"\x1b[A", "\x1bOA", "\x1b[1;5A", "k", "\x1bk", "\x1b\x1b[A"}) {
    EXPECT_EQ(last_key(decoder, up), Key::kUp) << up;
  }
  for (const std::string down : {"\x1b[B", "\x1bOB", "j"}) {
    EXPECT_EQ(last_key(decoder, down), Key::kDown) << down;
  }
  for (const std::string enter : {"\r", "\n"}) EXPECT_EQ(last_key(decoder, enter), Key::kEnter);
  EXPECT_EQ(last_key(decoder, "7"), Key::kDigit);
  EXPECT_EQ(decoder.digit(), 7);
  EXPECT_EQ(last_key(decoder, "\x04"), Key::kEnd);
}

TEST(KeyDecoder, SwallowsWhateverElseATerminalSends) {
  KeyDecoder decoder;
  for (const std::string other : {"\x1b", "\x1b[", "\x1b[C", "\x1b[3~", "\x1b[200~", "A", "q",
                                  "\x1a", "\x1c", "\xff", "é", "\x1b[15;2"}) {
    for (const char byte : other) EXPECT_EQ(decoder.take(byte), Key::kNone) << other;
    last_key(decoder, "\x1b[C");  // Back to the start.
  }
}

}  // namespace
}  // namespace accelerate::launcher
