// Questions to the user of the command: a person at a terminal, or a script through a pipe.
//
// Example:
//   std::unique_ptr<Dialog> dialog = open_dialog(console);  // open_dialog.h
//   absl::StatusOr<std::size_t> size = dialog->choose({"Which size?", {"small", "large"}});
//
// Not for answers that need checking: an Interview (interview.h) asks for those.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace accelerate::launcher {

struct Menu {
  std::string question;
  std::vector<std::string> choices;  // At least one.
  std::size_t proposed = 0;          // The index of the one that an empty answer stands for.
};

struct Question {
  std::string text;
  std::string hint = "";  // What an empty answer stands for: "yes/NO". Empty for nothing.
};

// An error ends the questions: nobody is left to answer.
class Dialog {
 public:
  virtual ~Dialog() = default;

  // The index of the choice.
  virtual absl::StatusOr<std::size_t> choose(const Menu& menu) = 0;

  // The answer without the white space around it.
  virtual absl::StatusOr<std::string> ask(const Question& question) = 0;

  // Says that `answer` is invalid, with a remedy such as "enter yes or no.". OK if it makes sense
  // to ask again.
  virtual absl::Status refuse(const Question& question, const std::string& answer,
                              const std::string& remedy) = 0;
};

}  // namespace accelerate::launcher
