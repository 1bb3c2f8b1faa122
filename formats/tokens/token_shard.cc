#include "formats/tokens/token_shard.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <system_error>
#include <type_traits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/tokens/file_error.h"
#include "formats/tokens/little_endian.h"
#include "formats/tokens/llm_c_header.h"

namespace accelerate {
namespace {

// What is looked at before its memory is given back.
constexpr std::int64_t kTokensAtOnce = 1 << 22;

// Calls `function` with a value of the type that tokens are stored as.
template <class Function>
auto with_type(TokenType type, Function&& function) {
  switch (type) {
    case TokenType::kUint8:
      return function(std::uint8_t());
    case TokenType::kUint32:
      return function(std::uint32_t());
    case TokenType::kInt32:
      return function(std::int32_t());
    case TokenType::kInt64:
      return function(std::int64_t());
    case TokenType::kUint16:
      break;
  }
  return function(std::uint16_t());
}

// Copies the tokens, and returns whether all are from 0 to below `limit`: the highest bit of a
// difference tells. In pieces of a fixed length, which the compiler makes vector instructions of.
template <class Stored>
bool widen(const char* from, std::span<std::int64_t> to, std::int64_t limit) {
  constexpr std::size_t kPiece = 16;
  const auto highest = static_cast<std::uint64_t>(limit) - 1;
  std::uint64_t signs = 0;
  const auto take = [&](std::size_t i) {
    to[i] = static_cast<std::int64_t>(little_endian<Stored>(from + i * sizeof(Stored)));
    const auto token = static_cast<std::uint64_t>(to[i]);
    signs |= token | (highest - token);
  };
  std::size_t i = 0;
  for (; i + kPiece <= to.size(); i += kPiece) {
    for (std::size_t j = 0; j < kPiece; ++j) take(i + j);
  }
  for (; i < to.size(); ++i) take(i);
  return signs >> 63 == 0;
}

std::string index_path(const std::string& data_path) {
  return std::filesystem::path(data_path).replace_extension(".idx").string();
}

absl::StatusOr<TokenFormat> recognised(const MappedFile& file) {
  const std::filesystem::path path = file.path();
  std::error_code error;
  if (path.extension() == ".bin" && std::filesystem::exists(index_path(path), error)) {
    return TokenFormat::kMegatron;
  }
  if (has_llm_c_magic(file.bytes())) return TokenFormat::kLlmC;
  if (has_llm_c_evaluation_magic(file.bytes())) {
    return token_file_error(file.path(), 0, "there is the magic number of llm.c's evaluations",
                            "give a token file; if this is one, give its format");
  }
  if (path.extension() == ".bin") return TokenFormat::kRaw;
  return token_file_error(file.path(), 0,
                          "its format is unknown, and its name does not end in .bin",
                          "give the format if it holds tokens");
}

}  // namespace

absl::StatusOr<TokenShard> TokenShard::open(const std::string& path,
                                            const TokenShardOptions& options) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<TokenFormat> format =
      options.format.has_value() ? *options.format : recognised(*file);
  if (!format.ok()) return format.status();
  TokenShard shard(*std::move(file), *format);
  const absl::Status status = shard.read_layout(options);
  if (!status.ok()) return status;
  if (shard.size_ == 0) {
    return token_file_error(path, shard.data_offset_, "it ends without a token",
                            "write it again, or leave it out");
  }
  return shard;
}

absl::Status TokenShard::read_layout(const TokenShardOptions& options) {
  const std::uint64_t bytes = file_.bytes().size();
  switch (format_) {
    case TokenFormat::kRaw:
      type_ = options.type.value_or(TokenType::kUint16);
      break;
    case TokenFormat::kLlmC: {
      const absl::StatusOr<LlmCHeader> header = read_llm_c_header(path(), file_.bytes());
      if (!header.ok()) return header.status();
      type_ = header->type;
      data_offset_ = LlmCHeader::kSize;
      break;
    }
    case TokenFormat::kMegatron: {
      absl::StatusOr<MegatronIndex> index = MegatronIndex::open(index_path(path()), bytes);
      if (!index.ok()) return index.status();
      index_.emplace(*std::move(index));
      type_ = index_->type();
      break;
    }
  }
  if (options.type.value_or(type_) != type_) {
    return token_file_error(path(), data_offset_,
                            absl::StrCat("there are tokens of ", token_type_name(type_), ", and ",
                                         token_type_name(*options.type), " was asked for"),
                            "leave the type out");
  }
  const std::uint64_t size = bytes - data_offset_, each = token_size(type_);
  if (size % each != 0) {
    return token_file_error(path(), bytes - size % each,
                            absl::StrCat("it ends within a token of ", token_type_name(type_)),
                            "copy the file again, or give the type that its tokens have");
  }
  size_ = static_cast<std::int64_t>(size / each);
  return absl::OkStatus();
}

absl::Status TokenShard::read(std::int64_t first, std::span<std::int64_t> tokens,
                              std::int64_t vocabulary_size) const {
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (first < 0 || first > size_ || count > size_ - first) {
    return absl::OutOfRangeError(absl::StrCat(path(), " has ", size_, " tokens, and ", count,
                                              " from ", first, " on were asked for."));
  }
  const std::uint64_t begin = static_cast<std::uint64_t>(first) * token_size(type_);
  const bool good = with_type(type_, [&](auto stored) {
    return widen<decltype(stored)>(data() + begin, tokens, vocabulary_size);
  });
  if (good) return absl::OkStatus();
  const auto bad = std::find_if(
      tokens.begin(), tokens.end(),
      [vocabulary_size](std::int64_t token) { return token < 0 || token >= vocabulary_size; });
  const std::string problem =
      *bad < 0 ? absl::StrCat("there is the token ", *bad, ", which is below 0")
               : absl::StrCat("there is the token ", *bad, ", which a vocabulary of ",
                              vocabulary_size, " does not have");
  return token_file_error(
      path(), data_offset_ + begin + (bad - tokens.begin()) * token_size(type_), problem,
      "give the vocabulary size that it was written for, and the type that its tokens have");
}

void TokenShard::load_ahead(std::int64_t first, std::int64_t count) const {
  const std::uint64_t each = token_size(type_);
  file_.load_ahead(data_offset_ + first * each, count * each);
}

std::vector<std::int64_t> TokenShard::document_begins(const DocumentMarks& marks) const {
  std::vector<std::int64_t> begins;
  if (index_.has_value()) {
    begins.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, index_->num_documents())));
    for (std::size_t i = 0; i < begins.size(); ++i) {
      begins[i] = index_->document_begin(static_cast<std::int64_t>(i));
    }
    return begins;
  }
  begins.push_back(0);
  with_type(type_, [&](auto stored) {
    using Stored = decltype(stored);
    for (std::int64_t i = 0; i < size_; ++i) {
      const auto token =
          static_cast<std::int64_t>(little_endian<Stored>(data() + i * sizeof(Stored)));
      if (token == marks.start && i > 0) begins.push_back(i);
      if (token == marks.end && i + 1 < size_) begins.push_back(i + 1);
      if (i % kTokensAtOnce == kTokensAtOnce - 1) file_.release_memory();
    }
    file_.release_memory();
  });
  return begins;
}

}  // namespace accelerate
