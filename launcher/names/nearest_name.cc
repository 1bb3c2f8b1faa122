#include "launcher/names/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {

int edit_distance(const std::string& left, const std::string& right) {
  // Rows of the table of distances between the beginnings of both.
  std::vector<int> before_last;
  std::vector<int> last(right.size() + 1);
  std::vector<int> row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool same = left[i - 1] == right[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::exchange(last, row);
  }
  return last.back();
}

namespace {

// `allowed(name)`: how many edits may lie between the word and that name.
template <class Allowed>
std::optional<std::string> nearest_within(const std::string& word,
                                          const std::vector<std::string>& names, Allowed allowed) {
  // So long a word is no misspelling, and comparing it would take its time.
  constexpr std::size_t kLongestWord = 200;
  if (word.size() > kLongestWord) return std::nullopt;
  const std::string lower = absl::AsciiStrToLower(word);
  std::optional<std::string> nearest;
  int distance = 0;
  for (const std::string& name : names) {
    const int candidate = edit_distance(lower, absl::AsciiStrToLower(name));
    if (static_cast<std::size_t>(candidate) > allowed(name)) continue;
    if (nearest.has_value() && candidate >= distance) continue;
    nearest = name;
    distance = candidate;
  }
  return nearest;
}

}  // namespace

std::optional<std::string> nearest_name(const std::string& word,
                                        const std::vector<std::string>& names) {
  return nearest_within(word, names, [&word](const std::string& name) {
    return std::max(word.size(), name.size()) / 2;
  });
}

std::optional<std::string> nearest_name_of_many(const std::string& word,
                                                const std::vector<std::string>& names) {
  return nearest_within(word, names, [&word](const std::string&) { return word.size() / 3; });
}

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  const std::optional<std::string> nearest = nearest_name(word, names);
  constexpr std::size_t kLongestShown = 60;
  if (nearest.has_value()) {
    return absl::StrCat("did you mean ", plain_start(*nearest, kLongestShown), "?");
  }
  return absl::StrCat("choose one of ",
                      absl::StrJoin(names, ", ",
                                    [](std::string* out, const std::string& name) {
                                      out->append(plain_start(name, kLongestShown));
                                    }),
                      ".");
}

}  // namespace accelerate::launcher
