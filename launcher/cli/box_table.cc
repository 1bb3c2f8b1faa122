#include "launcher/cli/box_table.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "launcher/text/columns.h"

namespace accelerate::launcher {
namespace {

struct Frame {
  std::string dash, bar;
  // Of the line above the title, below it, below the headers and at the end: left, middle, right.
  std::array<std::array<std::string, 3>, 4> corners;
};

const Frame& frame_of(const BoxTableStyle& style) {
  static const Frame lines = {
      "─", "│", {{{"┌", "─", "┐"}, {"├", "┬", "┤"}, {"├", "┼", "┤"}, {"└", "┴", "┘"}}}};
  static const Frame letters = {
      "-", "|", {{{"+", "-", "+"}, {"+", "+", "+"}, {"+", "+", "+"}, {"+", "+", "+"}}}};
  return style.is_ascii ? letters : lines;
}

std::size_t width_of(const std::string& text) { return static_cast<std::size_t>(columns_of(text)); }

// In the middle it goes by the rule of Python's str.center() for where an odd space goes.
std::string aligned(const std::string& text, std::size_t width, BoxAlignment alignment) {
  const std::size_t own = width_of(text);
  if (own >= width) return text;
  const std::size_t padding = width - own;
  std::size_t left = padding / 2 + (padding & width & 1);
  if (alignment == BoxAlignment::kLeft) left = 0;
  if (alignment == BoxAlignment::kRight) left = padding;
  return absl::StrCat(std::string(left, ' '), text, std::string(padding - left, ' '));
}

std::string line(const std::vector<std::size_t>& widths, const Frame& frame,
                 const std::array<std::string, 3>& corners) {
  std::string text = corners[0];
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) text += corners[1];
    for (std::size_t j = 0; j < widths[i]; ++j) text += frame.dash;
  }
  return absl::StrCat(text, corners[2], "\n");
}

std::string row(const std::vector<std::size_t>& widths, const std::vector<std::string>& cells,
                const BoxTableStyle& style, const Frame& frame) {
  std::string text = frame.bar;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const BoxAlignment alignment = style.columns.empty() ? BoxAlignment::kCenter : style.columns[i];
    absl::StrAppend(&text, aligned(cells[i], widths[i], alignment), frame.bar);
  }
  return absl::StrCat(text, "\n");
}

}  // namespace

std::string box_table(const std::string& title, const std::vector<std::string>& headers,
                      const std::vector<std::vector<std::string>>& rows,
                      const BoxTableStyle& style) {
  const Frame& frame = frame_of(style);
  std::vector<std::size_t> widths;
  for (const std::string& header : headers) widths.push_back(width_of(header));
  for (const std::vector<std::string>& cells : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(cells[i]));
    }
  }
  const std::size_t separators = widths.size() - 1;
  std::size_t inner = std::accumulate(widths.begin(), widths.end(), separators);
  if (width_of(title) > inner) {
    // A space on either side of the title.
    widths.back() += width_of(title) + 2 - inner;
    inner = width_of(title) + 2;
  }
  std::string table =
      absl::StrCat(line(widths, frame, frame.corners[0]), frame.bar,
                   aligned(title, inner, BoxAlignment::kCenter), frame.bar, "\n",
                   line(widths, frame, frame.corners[1]), row(widths, headers, style, frame),
                   line(widths, frame, frame.corners[2]));
  for (const std::vector<std::string>& cells : rows) {
    absl::StrAppend(&table, row(widths, cells, style, frame));
  }
  return absl::StrCat(table, line(widths, frame, frame.corners[3]));
}

}  // namespace accelerate::launcher
