#include "launcher/cli/dialog/interview.h"

#include "launcher/cli/dialog/answers.h"

namespace accelerate::launcher {

std::size_t Interview::choose(const Menu& menu) {
  if (!status_.ok()) return menu.proposed;
  const absl::StatusOr<std::size_t> choice = dialog_.choose(menu);
  status_ = choice.status();
  return choice.value_or(menu.proposed);
}

bool Interview::ask_yes_no(const std::string& text, bool proposed) {
  return ask_with_hint<bool>({.text = text, .proposed = proposed, .parse = parse_yes_no},
                             proposed ? "YES/no" : "yes/NO");
}

std::optional<std::string> Interview::next_answer(const Question& question) {
  if (!status_.ok()) return std::nullopt;
  absl::StatusOr<std::string> answer = dialog_.ask(question);
  status_ = answer.status();
  if (!answer.ok()) return std::nullopt;
  return *std::move(answer);
}

}  // namespace accelerate::launcher
