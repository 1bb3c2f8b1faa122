#include "launcher/plan/command.h"

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace accelerate::launcher {
namespace {

bool is_plain(char character) {
  return absl::ascii_isalnum(static_cast<unsigned char>(character)) ||
         std::string_view("_-./=:,+@%").find(character) != std::string_view::npos;
}

std::string quoted(const std::string& word) {
  bool plain = !word.empty();
  for (const char character : word) plain = plain && is_plain(character);
  if (plain) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace

std::string to_string(const Command& command) {
  std::string text;
  for (const std::string& word : command.argv) {
    absl::StrAppend(&text, text.empty() ? "" : " ", quoted(word));
  }
  return text;
}

}  // namespace accelerate::launcher
