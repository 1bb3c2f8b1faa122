#include "launcher/cli/fact.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

// A backslash and a quotation mark are nothing that harms a line.
std::string without_control_characters(const std::string& text) {
  std::string printable;
  for (const char byte : text) {
    const bool control = static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    absl::StrAppend(&printable,
                    control ? absl::CHexEscape(std::string(1, byte)) : std::string(1, byte));
  }
  return printable;
}

void append_bullets(std::string& text, const std::vector<Fact>& facts, const std::string& indent) {
  for (const Fact& fact : facts) {
    absl::StrAppend(&text, indent, "- ", without_control_characters(fact.name), ":");
    if (!fact.value.empty()) {
      absl::StrAppend(&text, " ", without_control_characters(fact.value));
    }
    absl::StrAppend(&text, "\n");
    append_bullets(text, fact.details, absl::StrCat(indent, "\t"));
  }
}

}  // namespace

std::string to_bullets(const std::vector<Fact>& facts) {
  std::string text;
  append_bullets(text, facts, "");
  return text;
}

}  // namespace accelerate::launcher
