// The index (.idx) beside a token file that Megatron-LM's IndexedDataset wrote: where its sequences
// and documents are.
//
// Example:
//   absl::StatusOr<MegatronIndex> index = MegatronIndex::open("corpus.idx", /*data_size=*/2048);
//   if (!index.ok()) return index.status();
//   for (std::int64_t i = 0; i < index->num_documents(); ++i) {
//     std::cout << "document at token " << index->document_begin(i) << "\n";
//   }
//
// Checked when it is opened: the sequences follow each other and fill the token file, and the
// documents consist of whole sequences. Not for multimodal data, whose index has a mode for each
// sequence; it is rejected.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "formats/files/mapped_file.h"
#include "formats/tokens/token_type.h"

namespace accelerate {

// Thread-safe.
class MegatronIndex {
 public:
  // Opens the index of a token file of `data_size` bytes. NotFound if there is no such file;
  // InvalidArgument says what is wrong in it and at which byte.
  static absl::StatusOr<MegatronIndex> open(const std::string& path, std::uint64_t data_size);

  TokenType type() const { return type_; }
  std::int64_t num_tokens() const { return num_tokens_; }
  std::int64_t num_documents() const { return num_documents_; }
  // The first token of a document; for num_documents(), the end of the last.
  std::int64_t document_begin(std::int64_t document) const;

 private:
  explicit MegatronIndex(MappedFile file) : file_(std::move(file)) {}

  absl::Status read_sizes();
  absl::Status check_sequences(std::uint64_t data_size) const;
  absl::Status check_documents() const;

  std::uint64_t size_offset(std::int64_t sequence) const;
  std::uint64_t pointer_offset(std::int64_t sequence) const;
  std::uint64_t document_offset(std::int64_t document) const;

  MappedFile file_;
  TokenType type_ = TokenType::kUint16;
  std::int64_t num_sequences_ = 0;
  std::int64_t num_documents_ = 0;
  std::int64_t num_tokens_ = 0;
};

}  // namespace accelerate
