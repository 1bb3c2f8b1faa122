// A Dialog with a script: each answer is a line, and a wrong answer ends the dialog.
//
// Example:
//   std::istringstream answers("large\n");
//   LineDialog dialog(answers, std::cout);
//   absl::StatusOr<std::size_t> size = dialog.choose({"Which size?", {"small", "large"}});  // 1
//
// Not for a person, who would like to correct a slip: see terminal_dialog.h.
#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "launcher/cli/dialog/dialog.h"

namespace accelerate::launcher {

// The answer to a menu is the number of a choice, counted from 0, or its words in any case; an
// empty line is the first.
class LineDialog : public Dialog {
 public:
  LineDialog(std::istream& input, std::ostream& output) : input_(input), output_(output) {}

  absl::StatusOr<std::size_t> choose(const Menu& menu) override;
  absl::StatusOr<std::string> ask(const Question& question) override;
  absl::Status refuse(const Question& question, const std::string& answer,
                      const std::string& remedy) override;

 private:
  absl::StatusOr<std::string> read_line(const std::string& question);

  std::istream& input_;
  std::ostream& output_;
};

}  // namespace accelerate::launcher
