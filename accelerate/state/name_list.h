// Converts names to one text, which is how a State holds a list of them, and back.
//
//   state.set("parameters", text_of_names({"0.weight", "0.bias"}));
//   for (const std::string& name : names_in(state.text("parameters"))) use(name);
//
// Not for texts with a NUL, which ends each name. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace accelerate {

std::string text_of_names(const std::vector<std::string>& names);
// In their order.
std::vector<std::string> names_in(const std::string& text);

}  // namespace accelerate
