#include "launcher/cli/box_table.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

std::size_t count_characters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

// In the middle, by the rule of Python's str.center() for where an odd space goes.
std::string centered(const std::string& text, std::size_t width) {
  const std::size_t characters = count_characters(text);
  if (characters >= width) return text;
  const std::size_t padding = width - characters;
  const std::size_t left = padding / 2 + (padding & width & 1);
  return absl::StrCat(std::string(left, ' '), text, std::string(padding - left, ' '));
}

std::string line(const std::vector<std::size_t>& widths, const std::string& left,
                 const std::string& middle, const std::string& right) {
  std::string text = left;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) text += middle;
    for (std::size_t j = 0; j < widths[i]; ++j) text += "─";
  }
  return absl::StrCat(text, right, "\n");
}

std::string row(const std::vector<std::size_t>& widths, const std::vector<std::string>& cells) {
  std::string text = "│";
  for (std::size_t i = 0; i < widths.size(); ++i) {
    absl::StrAppend(&text, centered(cells[i], widths[i]), "│");
  }
  return absl::StrCat(text, "\n");
}

}  // namespace

std::string box_table(const std::string& title, const std::vector<std::string>& headers,
                      const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& header : headers) widths.push_back(count_characters(header));
  for (const std::vector<std::string>& cells : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], count_characters(cells[i]));
    }
  }
  const std::size_t separators = widths.size() - 1;
  std::size_t inner = std::accumulate(widths.begin(), widths.end(), separators);
  if (count_characters(title) > inner) {
    // A space on either side of the title.
    widths.back() += count_characters(title) + 2 - inner;
    inner = count_characters(title) + 2;
  }
  std::string table =
      absl::StrCat(line(widths, "┌", "─", "┐"), "│", centered(title, inner), "│\n",
                   line(widths, "├", "┬", "┤"), row(widths, headers), line(widths, "├", "┼", "┤"));
  for (const std::vector<std::string>& cells : rows) absl::StrAppend(&table, row(widths, cells));
  return absl::StrCat(table, line(widths, "└", "┴", "┘"));
}

}  // namespace accelerate::launcher
