#include "accelerate/data/read_error.h"

#include <algorithm>

namespace accelerate::internal {

std::string describe_samples(const std::vector<size_t>& samples, int worker) {
  // Enough to find the batch by.
  constexpr size_t kNamed = 8;
  std::string text = samples.size() == 1 ? "sample" : "one of the samples";
  for (size_t i = 0; i < std::min(samples.size(), kNamed); ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(samples[i]);
  }
  if (samples.size() > kNamed) text += ", ... (" + std::to_string(samples.size()) + " in all)";
  text += " could not be read";
  if (worker >= 0) text += " by worker " + std::to_string(worker);
  return text + ": ";
}

std::string describe_element(int64_t number) {
  return "element " + std::to_string(number) + " of the stream could not be read: ";
}

std::string message_of(const std::exception& error) {
  const auto* libtorchs = dynamic_cast<const c10::Error*>(&error);
  return libtorchs ? libtorchs->what_without_backtrace() : error.what();
}

}  // namespace accelerate::internal
