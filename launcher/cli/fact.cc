#include "launcher/cli/fact.h"

#include "absl/strings/str_cat.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

void append_bullets(std::string& text, const std::vector<Fact>& facts, const std::string& indent) {
  for (const Fact& fact : facts) {
    absl::StrAppend(&text, indent, "- ", plain(fact.name), ":");
    if (!fact.value.empty()) {
      absl::StrAppend(&text, " ", plain(fact.value));
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
