// Text from an untrusted file, made safe for a message on a terminal.
//
// Example:
//   absl::StrCat("the tensor ", quoted_text(name), " appears twice");
//   // the tensor "a.weight" appears twice
//
// Not for keys: the result is shortened and cannot be parsed.
#pragma once

#include <string>

#include "launcher/text/printable.h"

namespace accelerate::safetensors {

// Allows 100 characters, because names of tensors are long and differ at their ends.
inline std::string quoted_text(const std::string& text) {
  return launcher::printable(text, /*longest=*/100);
}

}  // namespace accelerate::safetensors
