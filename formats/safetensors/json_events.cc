#include "formats/safetensors/json_events.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace accelerate::safetensors {

bool JsonEvents::parse_error(std::size_t position, const std::string&,
                             const nlohmann::json::exception&) {
  // The library's own message quotes the text, which may hold anything.
  return refuse(absl::StrCat("it is not valid JSON at byte ", position));
}

bool JsonEvents::refuse(const std::string& problem) {
  if (problem_.empty()) problem_ = problem;
  return false;
}

bool JsonEvents::ignore_next_value() {
  ignore_next_ = true;
  return true;
}

bool JsonEvents::pass_value() { return ignored_depth_ > 0 || std::exchange(ignore_next_, false); }

bool JsonEvents::pass_start() {
  if (!pass_value()) return false;
  ++ignored_depth_;
  return true;
}

bool JsonEvents::pass_end() {
  if (ignored_depth_ == 0) return false;
  --ignored_depth_;
  return true;
}

}  // namespace accelerate::safetensors
