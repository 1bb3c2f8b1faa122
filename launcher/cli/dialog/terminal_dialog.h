// A Dialog with a person at a terminal, who chooses by keys and may answer again.
//
// Example:
//   TerminalDialog dialog(STDIN_FILENO, std::cout);
//   absl::StatusOr<std::size_t> size = dialog.choose({"Which size?", {"small", "large"}});
//
// Not for processes with several threads: while a menu is open it handles the signals of only one
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>

#include "launcher/cli/dialog/dialog.h"
#include "launcher/posix/signal_scope.h"

namespace accelerate::launcher {

// In a menu, arrows, k, j and digits move to a choice, and Enter accepts it. Whatever ends a menu,
// the terminal is left as it was; a signal then has its usual effect.
class TerminalDialog : public Dialog {
 public:
  // `input` is the descriptor of a terminal, and `output` writes to the same one.
  TerminalDialog(int input, std::ostream& output) : input_(input), output_(output) {}

  absl::StatusOr<std::size_t> choose(const Menu& menu) override;
  absl::StatusOr<std::string> ask(const Question& question) override;
  absl::Status refuse(const Question& question, const std::string& answer,
                      const std::string& remedy) override;

 private:
  // What ends a menu: a choice, a signal, or else the end of the input.
  struct MenuEnd {
    std::optional<std::size_t> choice = std::nullopt;
    std::optional<int> signal = std::nullopt;
  };

  absl::StatusOr<MenuEnd> open_menu(const Menu& menu);
  MenuEnd follow_keys(const Menu& menu, SignalScope& signals);
  std::optional<int> wait_for_input(SignalScope& signals) const;
  std::optional<char> next_byte();

  int input_;
  std::ostream& output_;
  std::string unread_;  // What was typed ahead, in either mode.
};

}  // namespace accelerate::launcher
