#include "accelerate/state/name_list.h"

#include <sstream>

namespace accelerate {
namespace {

constexpr char kEnd = '\0';

}  // namespace

std::string text_of_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + kEnd;
  return text;
}

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, kEnd);) names.push_back(name);
  return names;
}

}  // namespace accelerate
