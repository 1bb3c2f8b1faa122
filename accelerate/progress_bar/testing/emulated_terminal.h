// Emulates what a terminal shows of the text that was written to it.
//
// Part of the tests of ProgressBar; not for others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace accelerate::internal {

// The part of an xterm that bars use. Any other escape sequence is a mistake in the test, and shows
// as text.
class EmulatedTerminal {
 public:
  EmulatedTerminal(int rows, int columns) : height_(rows), width_(columns) {}

  void write(std::string_view text);

  // All rows, including those that have scrolled out of sight, without trailing blanks and without
  // empty rows at the end.
  std::vector<std::string> rows() const;
  // Counted from the first of rows() and its first column.
  int cursor_row() const { return top_ + row_; }
  int cursor_column() const { return column_; }

 private:
  using Row = std::vector<std::string>;

  std::size_t obey(std::string_view sequence);
  void put(std::string_view character, int width);
  void go_down();
  Row& current();

  const int height_;
  const int width_;
  std::vector<Row> rows_;
  int top_ = 0;  // How many have scrolled out of sight.
  int row_ = 0;
  int column_ = 0;
  int kept_row_ = 0;
  int kept_column_ = 0;
};

}  // namespace accelerate::internal
