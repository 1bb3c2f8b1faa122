// How token files are laid out, and how each of their tokens is stored.
//
// Example:
//   const std::uint64_t bytes = 1024 * token_size(TokenType::kUint16);  // 2048
//   std::cout << token_type_name(TokenType::kUint16) << "\n";           // uint16
//
// Not for element types of tensors.
#pragma once

namespace accelerate {

enum class TokenFormat {
  kRaw,       // Tokens and nothing else, as nanoGPT writes them.
  kLlmC,      // A header of 1024 bytes before the tokens, as llm.c has it.
  kMegatron,  // Tokens and nothing else, beside an index (.idx) that says where each document is.
};

// All little endian.
enum class TokenType { kUint8, kUint16, kUint32, kInt32, kInt64 };

// The size of a token, in bytes.
constexpr int token_size(TokenType type) {
  switch (type) {
    case TokenType::kUint8:
      return 1;
    case TokenType::kUint16:
      return 2;
    case TokenType::kUint32:
    case TokenType::kInt32:
      return 4;
    case TokenType::kInt64:
      return 8;
  }
  return 0;
}

// The name that numpy uses.
constexpr const char* token_type_name(TokenType type) {
  switch (type) {
    case TokenType::kUint8:
      return "uint8";
    case TokenType::kUint16:
      return "uint16";
    case TokenType::kUint32:
      return "uint32";
    case TokenType::kInt32:
      return "int32";
    case TokenType::kInt64:
      return "int64";
  }
  return "";
}

constexpr const char* token_format_name(TokenFormat format) {
  switch (format) {
    case TokenFormat::kRaw:
      return "raw";
    case TokenFormat::kLlmC:
      return "llm.c";
    case TokenFormat::kMegatron:
      return "Megatron";
  }
  return "";
}

}  // namespace accelerate
