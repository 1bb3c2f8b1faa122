// A memory-mapped token file, checked when it is opened: nanoGPT's raw `.bin`, llm.c's with a
// header, or Megatron's `.bin` with an index beside it.
//
// Example:
//   absl::StatusOr<TokenShard> shard = TokenShard::open("train.bin");
//   if (!shard.ok()) return shard.status();
//   std::vector<std::int64_t> tokens(shard->size());
//   return shard->read(0, tokens, /*vocabulary_size=*/50257);
//
// Opening reads no tokens. Not for files that become shorter while they are open (see MappedFile).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/files/mapped_file.h"
#include "formats/tokens/megatron_index.h"
#include "formats/tokens/token_type.h"

namespace accelerate {

struct TokenShardOptions {
  // Recognised by default: Megatron's if there is an .idx beside it, llm.c's if it begins with one
  // of their magic numbers, and otherwise raw if its name ends in .bin.
  std::optional<TokenFormat> format = std::nullopt;
  // The type of the tokens in raw files, uint16 by default. Files that record their type must have
  // the one given here.
  std::optional<TokenType> type = std::nullopt;
};

// The token that separates documents, in files that have no index.
struct DocumentMarks {
  std::optional<std::int64_t> end = std::nullopt;    // Each document's last token.
  std::optional<std::int64_t> start = std::nullopt;  // Each document's first token.
};

// Thread-safe.
class TokenShard {
 public:
  // NotFound if there is no such file; InvalidArgument, which names the file and the byte, if
  // something is wrong with it. A file without tokens is an error.
  static absl::StatusOr<TokenShard> open(const std::string& path,
                                         const TokenShardOptions& options = {});

  const std::string& path() const { return file_.path(); }
  TokenFormat format() const { return format_; }
  TokenType type() const { return type_; }
  // In tokens, at least 1.
  std::int64_t size() const { return size_; }

  // Reads tokens, starting at `first`; the file must have them. InvalidArgument, which names the
  // file and the byte, for a token that is below 0 or not below `vocabulary_size`.
  absl::Status read(std::int64_t first, std::span<std::int64_t> tokens,
                    std::int64_t vocabulary_size) const;

  // Starts to load tokens, which the file must have, so that read() waits less for the disk. For
  // places that are far apart: call it for many of them before you read the first.
  void load_ahead(std::int64_t first, std::int64_t count) const;

  // The first token of each document, in order, from the index if there is one, and otherwise from
  // the marks, for which the whole file is read once. The first is 0.
  std::vector<std::int64_t> document_begins(const DocumentMarks& marks) const;

 private:
  TokenShard(MappedFile file, TokenFormat format) : file_(std::move(file)), format_(format) {}

  absl::Status read_layout(const TokenShardOptions& options);
  const char* data() const { return file_.bytes().data() + data_offset_; }

  MappedFile file_;
  TokenFormat format_;
  TokenType type_ = TokenType::kUint16;
  std::uint64_t data_offset_ = 0;  // In bytes.
  std::int64_t size_ = 0;
  std::optional<MegatronIndex> index_;
};

}  // namespace accelerate
