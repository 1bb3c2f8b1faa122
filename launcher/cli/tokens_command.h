// `accelerate tokens FILE... --output=PATH`: turns text into a file of tokens, one token for each
// byte.
//
// Example:
//   return run_tokens({"book.txt", "--output=book.bin"}, Console());
//
// Not for tokens of more than one byte: the tokenizer of a model makes those.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_tokens(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
