#include "launcher/cli/dialog/line_dialog.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/dialog/prompt.h"
#include "launcher/cli/dialog/read_answer.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

std::optional<std::size_t> find_choice(const Menu& menu, const std::string& answer) {
  if (answer.empty()) return menu.proposed;
  for (std::size_t i = 0; i < menu.choices.size(); ++i) {
    if (answer == absl::StrCat(i) || absl::EqualsIgnoreCase(answer, menu.choices[i])) return i;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::size_t> LineDialog::choose(const Menu& menu) {
  output_ << menu.question << "\n";
  for (std::size_t i = 0; i < menu.choices.size(); ++i) {
    output_ << "  " << menu_row(menu, i) << "\n";
  }
  output_ << prompt({"Please enter a number or the words", absl::StrCat(menu.proposed)})
          << std::flush;
  const absl::StatusOr<std::string> answer = read_line(menu.question);
  if (!answer.ok()) return answer.status();
  const std::optional<std::size_t> choice = find_choice(menu, *answer);
  if (choice.has_value()) return *choice;
  return refuse({menu.question}, *answer, suggestion(*answer, menu.choices));
}

absl::StatusOr<std::string> LineDialog::ask(const Question& question) {
  output_ << prompt(question) << std::flush;
  return read_line(question.text);
}

absl::Status LineDialog::refuse(const Question& question, const std::string& answer,
                                const std::string& remedy) {
  return absl::InvalidArgumentError(absl::StrCat(printable(answer), " is not an answer to \"",
                                                 question.text, "\"; ", remedy,
                                                 " Nothing was changed."));
}

absl::StatusOr<std::string> LineDialog::read_line(const std::string& question) {
  const auto next_byte = [this]() -> std::optional<char> {
    const int byte = input_.get();
    if (byte == std::istream::traits_type::eof()) return std::nullopt;
    return static_cast<char>(byte);
  };
  absl::StatusOr<std::string> answer = read_answer(next_byte, question);
  // Nobody's Enter ends the line of the question.
  output_ << "\n" << std::flush;
  return answer;
}

}  // namespace accelerate::launcher
