#include "launcher/names/flag_words.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

bool looks_like_flag(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

std::string flag_name(const std::string& word) {
  std::string name = word.substr(0, word.find('='));
  name.erase(0, name.starts_with("--") ? 2 : 1);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

absl::Status takes_no_value(const std::string& word, const std::string& name) {
  return absl::InvalidArgumentError(
      absl::StrCat(word, ": --", name, " takes no value; write --", name, " alone."));
}

absl::Status lacks_value(const std::string& name, const std::string& value_name) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, " needs a value; write --", name, "=", value_name, "."));
}

}  // namespace accelerate::launcher
