// The name that somebody who misspelt one probably meant.
//
// Example:
//   const std::optional<std::string> nearest = nearest_name("lanuch", {"config", "launch"});
//   if (nearest.has_value()) std::cerr << "did you mean " << *nearest << "?\n";  // launch
//
// Not for choosing what to do: a guess goes into a message, never into effect.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace accelerate::launcher {

// How many letters must be changed, left out, put in, or swapped with their neighbour to make one
// of the other.
int edit_distance(const std::string& left, const std::string& right);

// The first of the names that are nearest to `word`, upper and lower case alike; nothing where none
// has even half of it right.
std::optional<std::string> nearest_name(const std::string& word,
                                        const std::vector<std::string>& names);

// The same for names among many, where half would do for nearly anything: two thirds of `word` must
// be right.
std::optional<std::string> nearest_name_of_many(const std::string& word,
                                                const std::vector<std::string>& names);

// The end of a message about `word`: "did you mean launch?", or else "choose one of config,
// launch." Names may be of files that nobody vouches for: they are fit for a terminal, and long
// ones cut.
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

}  // namespace accelerate::launcher
