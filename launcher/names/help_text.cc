#include "launcher/names/help_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace accelerate::launcher {
namespace {

int terminal_width() {
  constexpr int kUsual = 80;
  int columns = 0;
  const char* variable = std::getenv("COLUMNS");
  if (variable != nullptr && absl::SimpleAtoi(variable, &columns) && columns > 0) return columns;
  winsize size = {};
  const bool is_terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_terminal ? size.ws_col : kUsual;
}

}  // namespace

int help_width() {
  constexpr int kNarrowest = 40;
  constexpr int kWidest = 100;  // Longer lines are hard to read.
  return std::clamp(terminal_width(), kNarrowest, kWidest);
}

std::string wrapped_words(const std::vector<std::string>& words, int width, int indent) {
  std::string text;
  std::size_t length = 0;
  for (const std::string& word : words) {
    if (length > 0 && length + 1 + word.size() > static_cast<std::size_t>(width)) {
      absl::StrAppend(&text, "\n", std::string(static_cast<std::size_t>(indent), ' '));
      length = static_cast<std::size_t>(indent);
    } else if (length > 0) {
      text += ' ';
      ++length;
    }
    text += word;
    length += word.size();
  }
  return text;
}

std::string wrapped(const std::string& text, int width, int indent) {
  std::string lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (line.data() != text.data()) lines += '\n';
    lines += wrapped_words(words, width, indent);
  }
  return lines;
}

void append_help_row(const std::string& usage, const std::string& meaning,
                     const HelpRowOptions& options, std::string& help) {
  const auto column = static_cast<std::size_t>(std::min(options.column, options.width / 2));
  std::string row = absl::StrCat("  ", usage);
  if (row.size() + 1 > column) {
    absl::StrAppend(&help, row, "\n");
    row.clear();
  }
  row.resize(column, ' ');
  const std::string text = wrapped(meaning, options.width - static_cast<int>(column));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&help, row, line, "\n");
    row.assign(column, ' ');
  }
}

}  // namespace accelerate::launcher
