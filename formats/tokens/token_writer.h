// Writes a file of uint16 tokens piece by piece; it appears completely or not at all.
//
// Example:
//   absl::StatusOr<TokenWriter> writer = TokenWriter::create("train.bin", TokenFormat::kRaw);
//   if (!writer.ok()) return writer.status();
//   const absl::Status written = writer->append(tokens);
//   if (!written.ok()) return written;
//   return writer->finish();
//
// An existing file of that name is replaced; a reader that has it mapped keeps the old one. Not for
// Megatron's format: its own tools write the index.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/files/atomic_file.h"
#include "formats/tokens/token_type.h"

namespace accelerate {

// Not thread-safe. Errors are those of AtomicFile; after one, the writer can only be destroyed, and
// nothing is left of its file.
class TokenWriter {
 public:
  // InvalidArgument for formats other than raw and llm.c's.
  static absl::StatusOr<TokenWriter> create(const std::string& path, TokenFormat format);

  // InvalidArgument if llm.c's header cannot count that many tokens.
  absl::Status append(std::span<const std::uint16_t> tokens);

  // Removes the last `count` tokens and appends them to another writer.
  absl::Status move_last(std::uint64_t count, TokenWriter& to);

  std::uint64_t num_tokens() const;
  // The size of the finished file.
  std::uint64_t num_bytes() const { return file_.size(); }

  // When it returns without an error, the file is on the disk and has its name.
  absl::Status finish();

 private:
  TokenWriter(AtomicFile file, std::string path, TokenFormat format)
      : file_(std::move(file)), path_(std::move(path)), format_(format) {}

  std::uint64_t header_size() const;

  AtomicFile file_;
  std::string path_;
  TokenFormat format_;
};

}  // namespace accelerate
