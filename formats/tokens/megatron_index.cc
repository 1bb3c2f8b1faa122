#include "formats/tokens/megatron_index.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/tokens/file_error.h"
#include "formats/tokens/little_endian.h"

namespace accelerate {
namespace {

using namespace std::string_literals;

const std::string kMagic = "MMIDIDX\0\0"s;
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kVersionOffset = 9, kTypeOffset = 17, kSequencesOffset = 18,
                        kDocumentsOffset = 26, kHeaderSize = 34;

// Those of the numbers of Megatron's DType that are for tokens.
std::optional<TokenType> type_of(std::uint8_t code) {
  switch (code) {
    case 1:
      return TokenType::kUint8;
    case 4:
      return TokenType::kInt32;
    case 5:
      return TokenType::kInt64;
    case 8:
      return TokenType::kUint16;
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<MegatronIndex> MegatronIndex::open(const std::string& path,
                                                  std::uint64_t data_size) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  MegatronIndex index(*std::move(file));
  absl::Status status = index.read_sizes();
  if (status.ok()) status = index.check_sequences(data_size);
  if (status.ok()) status = index.check_documents();
  if (!status.ok()) return status;
  index.num_tokens_ = static_cast<std::int64_t>(data_size / token_size(index.type_));
  // An index of millions of sequences is seldom looked at again.
  index.file_.release_memory();
  return index;
}

absl::Status MegatronIndex::read_sizes() {
  const absl::string_view bytes = file_.bytes();
  const std::string& path = file_.path();
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return token_file_error(path, 0, "there is no magic number of Megatron's index",
                            "give the format that the data have, or write the index again");
  }
  if (bytes.size() < kHeaderSize) {
    return token_file_error(path, bytes.size(), "it ends within its header", kWriteAnew);
  }
  const auto version = little_endian<std::uint64_t>(bytes.data() + kVersionOffset);
  if (version != kVersion) {
    return token_file_error(path, kVersionOffset,
                            absl::StrCat("there is version ", version, " of Megatron's index, and ",
                                         kVersion, " is known"),
                            "write it again");
  }
  const auto code = static_cast<std::uint8_t>(bytes[kTypeOffset]);
  const std::optional<TokenType> type = type_of(code);
  if (!type.has_value()) {
    return token_file_error(path, kTypeOffset,
                            absl::StrCat("there is the type ", code,
                                         ", and tokens are of 1 (uint8), 4 (int32), 5 (int64) or "
                                         "8 (uint16)"),
                            "write the data again with one of those");
  }
  type_ = *type;
  const auto sequences = little_endian<std::uint64_t>(bytes.data() + kSequencesOffset);
  const auto documents = little_endian<std::uint64_t>(bytes.data() + kDocumentsOffset);
  const auto disagrees = [&] {
    return token_file_error(
        path, kSequencesOffset,
        absl::StrCat("the header counts ", sequences, " sequences and ", documents,
                     " bounds of documents, but the file has ", bytes.size(), " bytes"),
        kWriteAnew);
  };
  // So that no product below overflows.
  if (sequences > bytes.size() || documents > bytes.size()) return disagrees();
  const std::uint64_t size = kHeaderSize + 12 * sequences + 8 * documents;
  if (sequences > 0 && bytes.size() == size + sequences) {
    return token_file_error(path, size,
                            "there is a mode for each sequence, as multimodal data have it",
                            "write the text by itself");
  }
  if (bytes.size() != size) return disagrees();
  num_sequences_ = static_cast<std::int64_t>(sequences);
  num_documents_ = static_cast<std::int64_t>(documents) - 1;
  return absl::OkStatus();
}

absl::Status MegatronIndex::check_sequences(std::uint64_t data_size) const {
  const char* const bytes = file_.bytes().data();
  std::uint64_t end = 0;
  for (std::int64_t i = 0; i < num_sequences_; ++i) {
    const auto size = little_endian<std::int32_t>(bytes + size_offset(i));
    if (size < 0) {
      return token_file_error(file_.path(), size_offset(i),
                              absl::StrCat("the sequence ", i, " has ", size, " tokens"),
                              kWriteAnew);
    }
    const auto pointer = little_endian<std::int64_t>(bytes + pointer_offset(i));
    if (static_cast<std::uint64_t>(pointer) != end) {
      return token_file_error(file_.path(), pointer_offset(i),
                              absl::StrCat("the sequence ", i, " begins at byte ", pointer,
                                           " of the data, and the one before it ends at ", end),
                              "write the index again, with sequences that follow each other");
    }
    end += static_cast<std::uint64_t>(size) * token_size(type_);
    if (end > data_size) {
      return token_file_error(file_.path(), size_offset(i),
                              absl::StrCat("the sequence ", i, " ends at byte ", end,
                                           " of the data (.bin), which have ", data_size, " bytes"),
                              "copy both files again, or write them again");
    }
  }
  if (end == data_size) return absl::OkStatus();
  return token_file_error(file_.path(), kSequencesOffset,
                          absl::StrCat("the sequences end at byte ", end,
                                       " of the data (.bin), which have ", data_size, " bytes"),
                          "copy both files again, or write them again");
}

absl::Status MegatronIndex::check_documents() const {
  const char* const bytes = file_.bytes().data();
  if (num_documents_ < 0) {
    return token_file_error(file_.path(), kDocumentsOffset, "there are no bounds of documents",
                            kWriteAnew);
  }
  std::int64_t last = 0;
  for (std::int64_t i = 0; i <= num_documents_; ++i) {
    const auto sequence = little_endian<std::int64_t>(bytes + document_offset(i));
    const bool in_order = i == 0 ? sequence == 0 : sequence >= last;
    const bool in_bounds =
        i == num_documents_ ? sequence == num_sequences_ : sequence <= num_sequences_;
    if (!in_order || !in_bounds) {
      return token_file_error(
          file_.path(), document_offset(i),
          absl::StrCat("the document ", i, " begins with the sequence ", sequence, ", where ",
                       i == num_documents_ ? absl::StrCat(num_sequences_, " is the end of all")
                                           : absl::StrCat(last, " to ", num_sequences_, " may be")),
          kWriteAnew);
    }
    last = sequence;
  }
  return absl::OkStatus();
}

std::int64_t MegatronIndex::document_begin(std::int64_t document) const {
  const char* const bytes = file_.bytes().data();
  const auto sequence = little_endian<std::int64_t>(bytes + document_offset(document));
  if (sequence == num_sequences_) return num_tokens_;
  return little_endian<std::int64_t>(bytes + pointer_offset(sequence)) / token_size(type_);
}

std::uint64_t MegatronIndex::size_offset(std::int64_t sequence) const {
  return kHeaderSize + 4 * static_cast<std::uint64_t>(sequence);
}

std::uint64_t MegatronIndex::pointer_offset(std::int64_t sequence) const {
  return size_offset(num_sequences_) + 8 * static_cast<std::uint64_t>(sequence);
}

std::uint64_t MegatronIndex::document_offset(std::int64_t document) const {
  return pointer_offset(num_sequences_) + 8 * static_cast<std::uint64_t>(document);
}

}  // namespace accelerate
