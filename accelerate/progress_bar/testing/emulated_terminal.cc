#include "accelerate/progress_bar/testing/emulated_terminal.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace accelerate::internal {

void EmulatedTerminal::write(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    std::size_t size = 1;
    if (first == '\r') {
      column_ = 0;
    } else if (first == '\n') {
      go_down();
    } else if (first == '\033') {
      size = obey(text);
    } else {
      size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
      // Those of Chinese and Japanese that the tests use, and emoji.
      const bool is_wide = (first >= 0xE3 && first <= 0xE9) || first >= 0xF0;
      put(text.substr(0, size), is_wide ? 2 : 1);
    }
    text.remove_prefix(std::min(size, text.size()));
  }
}

std::vector<std::string> EmulatedTerminal::rows() const {
  std::vector<std::string> texts;
  for (const Row& row : rows_) {
    std::string text;
    for (const std::string& cell : row) text += cell;
    text.erase(text.find_last_not_of(' ') + 1);
    texts.push_back(text);
  }
  while (!texts.empty() && texts.back().empty()) texts.pop_back();
  return texts;
}

std::size_t EmulatedTerminal::obey(std::string_view sequence) {
  const char kind = sequence.size() > 1 ? sequence[1] : '\0';
  if (kind == 'D') {
    go_down();
    return 2;
  }
  if (kind == '7') {
    kept_row_ = row_;
    kept_column_ = column_;
    return 2;
  }
  if (kind == '8') {
    row_ = kept_row_;
    column_ = kept_column_;
    return 2;
  }
  std::size_t end = 2;
  while (end < sequence.size() && std::isdigit(static_cast<unsigned char>(sequence[end]))) ++end;
  const char order = kind == '[' && end < sequence.size() ? sequence[end] : '\0';
  const int number = end > 2 ? std::atoi(std::string(sequence.substr(2, end - 2)).c_str()) : 1;
  if (order == 'A') {
    row_ = std::max(0, row_ - number);
  } else if (order == 'B') {
    row_ = std::min(height_ - 1, row_ + number);
  } else if (order == 'K' || order == 'J') {
    Row& row = current();
    if (row.size() > static_cast<std::size_t>(column_)) row.resize(column_);
    if (order == 'J') rows_.resize(std::min<std::size_t>(rows_.size(), cursor_row() + 1));
  } else {
    put("?", 1);
    return 1;
  }
  return end + 1;
}

void EmulatedTerminal::put(std::string_view character, int width) {
  // A row is left only when there is something for the next one.
  if (column_ + width > width_) {
    column_ = 0;
    go_down();
  }
  Row& row = current();
  if (row.size() < static_cast<std::size_t>(column_ + width)) row.resize(column_ + width, " ");
  row[column_] = character;
  if (width == 2) row[column_ + 1] = "";
  column_ += width;
}

void EmulatedTerminal::go_down() {
  if (row_ == height_ - 1) {
    ++top_;
  } else {
    ++row_;
  }
}

EmulatedTerminal::Row& EmulatedTerminal::current() {
  if (rows_.size() <= static_cast<std::size_t>(cursor_row())) rows_.resize(cursor_row() + 1);
  return rows_[cursor_row()];
}

}  // namespace accelerate::internal
