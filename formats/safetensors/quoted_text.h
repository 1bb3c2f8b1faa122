// Text out of a file that nobody vouches for, made fit for a message on a terminal.
//
// Example:
//   absl::StrCat("the tensor ", quoted_text(name), " stands twice");
//   // the tensor "a.weight" stands twice
//
// Not for keys of one's own: the result is cut and cannot be read back.
#pragma once

#include <string>

#include "launcher/text/printable.h"

namespace accelerate::safetensors {

// Names of tensors are long, and differ at their ends.
inline std::string quoted_text(const std::string& text) {
  return launcher::printable(text, /*longest=*/100);
}

}  // namespace accelerate::safetensors
