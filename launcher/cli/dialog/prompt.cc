#include "launcher/cli/dialog/prompt.h"

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

std::string prompt(const Question& question) {
  if (question.hint.empty()) return absl::StrCat(question.text, " ");
  return absl::StrCat(question.text, " [", question.hint, "]: ");
}

std::string menu_row(const Menu& menu, std::size_t index) {
  return absl::StrCat(index, ". ", menu.choices[index]);
}

}  // namespace accelerate::launcher
