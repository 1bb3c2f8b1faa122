// What a terminal shows of what was written to it.
//
// Part of the tests of ProgressBar; not for others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace accelerate::internal {

// As much of an xterm as bars use. Anything else that begins with an escape is an error of the
// test's, and shows as text.
class EmulatedTerminal {
 public:
  EmulatedTerminal(int rows, int columns) : height_(rows), width_(columns) {}

  void write(std::string_view text);

  // All rows from the first one, those that have scrolled out of sight included, without the blanks
  // at their ends and the empty rows at the end.
  std::vector<std::string> rows() const;
  // From the first of rows(), and from its first column.
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
