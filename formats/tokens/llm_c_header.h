// The header of llm.c's token files: 256 numbers of 32 bits. The first three are a magic number
// that tells the type, a version, and the number of tokens.
//
// Example:
//   if (has_llm_c_magic(file.bytes())) {
//     absl::StatusOr<LlmCHeader> header = read_llm_c_header(file.path(), file.bytes());
//     if (header.ok()) std::cout << header->num_tokens << "\n";
//   }
//
// Not for llm.c's files of evaluations and of models, which have other magic numbers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tokens/token_type.h"

namespace accelerate {

struct LlmCHeader {
  static constexpr std::uint64_t kSize = 1024;  // In bytes.
  static constexpr std::uint64_t kMostTokens = (std::uint64_t{1} << 31) - 1;

  TokenType type = TokenType::kUint16;  // Or uint32.
  std::uint64_t num_tokens = 0;
};

bool has_llm_c_magic(absl::string_view file);
// Whether it is one of llm.c's files for evaluations, whose numbers are not all tokens.
bool has_llm_c_evaluation_magic(absl::string_view file);

// The header of a file with these bytes; `path` is only for messages. InvalidArgument if the bytes
// have no such header, or if it contradicts the size of the file.
absl::StatusOr<LlmCHeader> read_llm_c_header(const std::string& path, absl::string_view file);

// The first bytes of such a file. There must be at most kMostTokens tokens.
std::string write_llm_c_header(const LlmCHeader& header);

}  // namespace accelerate
