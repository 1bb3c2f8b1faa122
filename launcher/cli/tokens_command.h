// `accelerate tokens FILE... --output=PATH`: text becomes a file of tokens, a token for each byte.
//
// Example:
//   return run_tokens({"book.txt", "--output=book.bin"}, Console());
//
// Not for tokens of more than one byte: those are made by the tokenizer of a model.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_tokens(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
