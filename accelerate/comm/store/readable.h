// What a store says, fit for a message: others may have written it there.
//
//   leave("rank 1 has come already, as " + readable(store.get_to_str("rank_1")));
//
// Not for what people have written in other languages: it keeps ASCII alone.
#pragma once

#include <algorithm>
#include <string>

namespace accelerate::internal {

// Without control characters, and cut where it is long.
inline std::string readable(std::string text) {
  constexpr size_t kLongest = 500;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace accelerate::internal
