// Questions at a pseudo-terminal. What signals do to a menu is in
// launcher/cli/config_terminal_test.
#include "launcher/cli/dialog/terminal_dialog.h"

#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/dialog/interview.h"
#include "launcher/cli/dialog/key_mode.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

const Menu kSizes = {"Which size?", {"small", "large", "huge"}};

class TerminalDialogTest : public ::testing::Test {
 protected:
  TerminalDialogTest() {
    int person = -1;
    int program = -1;
    EXPECT_EQ(openpty(&person, &program, nullptr, nullptr, nullptr), 0);
    person_ = FileDescriptor(person);
    program_ = FileDescriptor(program);
    dialog_ = std::make_unique<TerminalDialog>(program, output_);
    EXPECT_EQ(tcgetattr(program, &before_), 0);
  }

  ~TerminalDialogTest() override {
    termios after = {};
    if (tcgetattr(program_.get(), &after) != 0) return;  // Hung up.
    EXPECT_EQ(std::memcmp(&before_, &after, sizeof(after)), 0) << "the terminal was left changed";
  }

  void type(const std::string& keys) {
    EXPECT_EQ(write(person_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  FileDescriptor person_;
  FileDescriptor program_;
  termios before_ = {};
  std::ostringstream output_;
  std::unique_ptr<TerminalDialog> dialog_;
};

TEST_F(TerminalDialogTest, ChoosesByArrowsLettersAndDigits) {
  for (const auto& [keys, choice] :
       std::initializer_list<std::pair<std::string, std::size_t>>{{"\r", 0},
                                                                  {"\x1b[B\r", 1},
                                                                  {"\x1bOB\x1b[B\r", 2},
                                                                  {"jjk\r", 1},
                                                                  {"2\r", 2},
                                                                  {"21\r", 1},
                                                                  {"9x\x1b[C\xff\r", 0},
                                                                  {"kkk\r", 0},
                                                                  {"jjjjjjk\n", 1}}) {
    type(keys);
    const absl::StatusOr<std::size_t> chosen = dialog_->choose(kSizes);
    ASSERT_TRUE(chosen.ok()) << chosen.status();
    EXPECT_EQ(*chosen, choice) << keys;
  }
}

TEST_F(TerminalDialogTest, DrawsInPlaceAndLeavesTheChoice) {
  type("j\r");
  ASSERT_TRUE(dialog_->choose(kSizes).ok());
  EXPECT_EQ(output_.str(),
            "Which size?\n"
            "Please select a choice using the arrow or number keys, and selecting with enter\n"
            "\r\x1b[K➔ 0. small\n\r\x1b[K  1. large\n\r\x1b[K  2. huge\n"
            "\x1b[3A\r\x1b[K  0. small\n\r\x1b[K➔ 1. large\n\r\x1b[K  2. huge\n"
            "\x1b[4A\r\x1b[J  1. large\n");
}

TEST_F(TerminalDialogTest, KeepsWhatIsTypedAhead) {
  type("1\ryes\n2\r");
  EXPECT_EQ(*dialog_->choose(kSizes), 1u);
  EXPECT_EQ(*dialog_->ask({"Sure?"}), "yes");
  EXPECT_EQ(*dialog_->choose(kSizes), 2u);
}

TEST_F(TerminalDialogTest, LetsAPersonCorrectAWrongAnswer) {
  type("maybe\n\xff\xfe\x01\nYES\n");
  Interview interview(*dialog_);
  EXPECT_TRUE(interview.ask_yes_no("Sure?", false));
  EXPECT_TRUE(interview.status().ok());
  EXPECT_THAT(
      output_.str(),
      HasSubstr("Sure? [yes/NO]: \"maybe\" is not an answer; enter yes or no.\nSure? [yes/NO]: "));
}

TEST_F(TerminalDialogTest, EndsWhereThePersonEndsTheInput) {
  {
    const KeyMode keys(program_.get());  // Typed ahead in any other, Ctrl-D is no key.
    type("j\x04");
    EXPECT_THAT(std::string(dialog_->choose(kSizes).status().message()),
                HasSubstr("The input ended before \"Which size?\" was answered"));
  }
  type("\x04");
  EXPECT_THAT(std::string(dialog_->ask({"Sure?"}).status().message()),
              HasSubstr("The input ended before \"Sure?\" was answered"));
  EXPECT_THAT(output_.str(), EndsWith("Sure? \n"));
}

TEST_F(TerminalDialogTest, EndsWhereTheTerminalIsGone) {
  person_.reset();
  EXPECT_FALSE(dialog_->choose(kSizes).ok());
  EXPECT_FALSE(dialog_->ask({"Sure?"}).ok());
}

TEST(TerminalDialog, SaysThatADescriptorIsNoTerminal) {
  std::ostringstream output;
  TerminalDialog dialog(-1, output);
  EXPECT_THAT(std::string(dialog.choose(kSizes).status().message()),
              HasSubstr("This terminal cannot show a menu (Bad file descriptor)"));
}

}  // namespace
}  // namespace accelerate::launcher
