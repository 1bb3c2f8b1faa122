#include "launcher/cli/dialog/read_answer.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

constexpr std::size_t kMaxAnswerBytes = 4096;

}  // namespace

absl::StatusOr<std::string> read_answer(const std::function<std::optional<char>()>& next_byte,
                                        const std::string& question) {
  std::string line;
  while (const std::optional<char> byte = next_byte()) {
    if (*byte == '\n') return std::string(absl::StripAsciiWhitespace(line));
    if (line.size() == kMaxAnswerBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("The answer to \"", question, "\" has more than ", kMaxAnswerBytes,
                       " bytes; enter a short one. Nothing was changed."));
    }
    line.push_back(*byte);
  }
  if (line.empty()) return input_ended(question);
  return std::string(absl::StripAsciiWhitespace(line));
}

absl::Status input_ended(const std::string& question) {
  return absl::OutOfRangeError(
      absl::StrCat("The input ended before \"", question,
                   "\" was answered; enter a line for each question. Nothing was changed."));
}

}  // namespace accelerate::launcher
