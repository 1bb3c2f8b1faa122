// A series of questions, each asked until its answer is valid.
//
// Example:
//   Interview interview(dialog);
//   const bool debug = interview.ask_yes_no("Debug?", /*proposed=*/false);
//   const std::string host = interview.ask<std::string>(
//       {.text = "Which host?", .proposed = "localhost", .parse = parse_word});
//   if (!interview.status().ok()) return interview.status();
//
// Not for acting between the questions without looking at status() first.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/dialog/dialog.h"

namespace accelerate::launcher {

template <class Value>
struct ParsedQuestion {
  std::string text;
  std::optional<Value> proposed = std::nullopt;  // What an empty answer stands for.
  // An error's message is the remedy, such as "enter yes or no.": see answers.h.
  std::function<absl::StatusOr<Value>(const std::string& answer)> parse;
};

// Once the dialog has failed, nothing more is asked and every answer is the proposed one.
class Interview {
 public:
  explicit Interview(Dialog& dialog) : dialog_(dialog) {}

  // The index of the choice.
  std::size_t choose(const Menu& menu);

  bool ask_yes_no(const std::string& text, bool proposed);

  template <class Value>
  Value ask(const ParsedQuestion<Value>& question) {
    const std::string hint =
        question.proposed.has_value() ? absl::StrCat(*question.proposed) : std::string();
    return ask_with_hint(question, hint);
  }

  // The error of the dialog, or OK.
  const absl::Status& status() const { return status_; }

 private:
  template <class Value>
  Value ask_with_hint(const ParsedQuestion<Value>& question, const std::string& hint) {
    while (const std::optional<std::string> answer = next_answer({question.text, hint})) {
      if (answer->empty() && question.proposed.has_value()) break;
      absl::StatusOr<Value> value = question.parse(*answer);
      if (value.ok()) return *std::move(value);
      status_ =
          dialog_.refuse({question.text, hint}, *answer, std::string(value.status().message()));
    }
    return question.proposed.value_or(Value());
  }

  std::optional<std::string> next_answer(const Question& question);

  Dialog& dialog_;
  absl::Status status_;
};

}  // namespace accelerate::launcher
