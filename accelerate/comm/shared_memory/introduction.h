// What the processes of a run tell each other when they meet, as texts in a store. Texts from the
// store are not trusted, because others may be able to write to it.
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
  // The namespace in which `pid` is the number of the process.
  std::string pid_namespace;
  int pid = 0;
  std::set<int> cores;
};

std::string to_text(const Introduction& introduction);
// Nothing if the text does not come from to_text().
std::optional<Introduction> read_introduction(const std::string& text);

// The longest text of one rank; longer ones are rejected.
inline constexpr size_t kLongestText = 64 << 10;

std::string joined(const std::vector<std::string>& texts);
// Nothing if the text does not come from joined() of `count` texts of at most kLongestText bytes.
std::optional<std::vector<std::string>> split(const std::string& text, size_t count);

}  // namespace accelerate::internal
