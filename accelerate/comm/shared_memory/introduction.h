// What the processes of a run tell one another when they meet, as texts in a store. Nothing is
// taken for granted that is read there: others may be able to write to it.
//
//   store.set("introduction2", to_text(Introduction{.host = host_identity(), .pid = getpid()}));
//   const auto introduction = read_introduction(store.get_to_str("introduction2"));
//   if (!introduction) distrust_the_store();
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace accelerate::internal {

struct Introduction {
  std::string host;
  // Where the number is its own.
  std::string pid_namespace;
  int pid = 0;
  std::set<int> cores;
};

std::string to_text(const Introduction& introduction);
// Nothing where the text is not one of to_text().
std::optional<Introduction> read_introduction(const std::string& text);

// Of one rank; longer ones are not believed.
inline constexpr size_t kLongestText = 64 << 10;

std::string joined(const std::vector<std::string>& texts);
// Nothing where the text is not one of joined(), of so many texts of at most kLongestText.
std::optional<std::vector<std::string>> split(const std::string& text, size_t count);

}  // namespace accelerate::internal
