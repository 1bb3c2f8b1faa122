// The name that a user who misspelt one probably meant.
//
// Example:
//   const std::optional<std::string> nearest = nearest_name("lanuch", {"config", "launch"});
//   if (nearest.has_value()) std::cerr << "did you mean " << *nearest << "?\n";  // launch
//
// Not for deciding what to do: a guess belongs in a message only.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace accelerate::launcher {

// How many letters must be changed, removed, inserted, or swapped with a neighbour to turn one text
// into the other.
int edit_distance(const std::string& left, const std::string& right);

// The first of the names that are nearest to `word`, ignoring case; no value if less than half of
// `word` matches.
std::optional<std::string> nearest_name(const std::string& word,
                                        const std::vector<std::string>& names);

// The same for many names, where half would match almost anything: two thirds of `word` must match.
std::optional<std::string> nearest_name_of_many(const std::string& word,
                                                const std::vector<std::string>& names);

// The end of a message about `word`: "did you mean launch?", or else "choose one of config,
// launch." Names may come from untrusted files: they are made safe for a terminal, and long ones
// are cut.
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

}  // namespace accelerate::launcher
