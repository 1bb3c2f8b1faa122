#include "formats/tokens/llm_c_header.h"

#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "formats/tokens/file_error.h"
#include "formats/tokens/little_endian.h"

namespace accelerate {
namespace {

struct Kind {
  std::int32_t magic;
  std::int32_t version;
  TokenType type;
};

// Those that llm.c writes for the vocabularies of GPT-2 and of Llama 3.
constexpr std::array kKinds = {Kind{20240520, 1, TokenType::kUint16},
                               Kind{20240801, 7, TokenType::kUint32}};
constexpr std::int32_t kEvaluationMagic = 20240522;

constexpr std::uint64_t kVersionOffset = 4, kCountOffset = 8;

bool begins_with(absl::string_view file, std::int32_t magic) {
  return file.size() >= sizeof(magic) && little_endian<std::int32_t>(file.data()) == magic;
}

const Kind* kind_of(absl::string_view file) {
  for (const Kind& kind : kKinds) {
    if (begins_with(file, kind.magic)) return &kind;
  }
  return nullptr;
}

}  // namespace

bool has_llm_c_magic(absl::string_view file) { return kind_of(file) != nullptr; }

bool has_llm_c_evaluation_magic(absl::string_view file) {
  return begins_with(file, kEvaluationMagic);
}

absl::StatusOr<LlmCHeader> read_llm_c_header(const std::string& path, absl::string_view file) {
  const Kind* const kind = kind_of(file);
  if (kind == nullptr) {
    return token_file_error(path, 0, "there is no magic number of llm.c's files of tokens",
                            "give its format, or write it again");
  }
  if (file.size() < LlmCHeader::kSize) {
    return token_file_error(
        path, file.size(),
        absl::StrCat("it ends within its header, which has ", LlmCHeader::kSize, " bytes"),
        kWriteAnew);
  }
  const auto version = little_endian<std::int32_t>(file.data() + kVersionOffset);
  if (version != kind->version) {
    return token_file_error(path, kVersionOffset,
                            absl::StrCat("there is version ", version, " of llm.c's header, and ",
                                         kind->version, " is known"),
                            "write it again, or as raw tokens");
  }
  const auto count = little_endian<std::int32_t>(file.data() + kCountOffset);
  const std::uint64_t size = file.size() - LlmCHeader::kSize;
  const LlmCHeader header = {.type = kind->type, .num_tokens = static_cast<std::uint64_t>(count)};
  if (count < 0 || header.num_tokens * token_size(kind->type) != size) {
    return token_file_error(
        path, kCountOffset,
        absl::StrCat("the header counts ", count, " tokens of ", token_size(kind->type),
                     " bytes, but ", size, " bytes follow the header"),
        kWriteAnew);
  }
  return header;
}

std::string write_llm_c_header(const LlmCHeader& header) {
  std::string bytes(LlmCHeader::kSize, '\0');
  for (const Kind& kind : kKinds) {
    if (kind.type != header.type) continue;
    const std::array<std::int32_t, 3> numbers = {kind.magic, kind.version,
                                                 static_cast<std::int32_t>(header.num_tokens)};
    std::memcpy(bytes.data(), numbers.data(), sizeof(numbers));
  }
  return bytes;
}

}  // namespace accelerate
