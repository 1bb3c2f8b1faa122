#include "formats/tokens/token_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/tokens/llm_c_header.h"

namespace accelerate {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kTokenSize = token_size(TokenType::kUint16);
constexpr std::uint64_t kBytesAtOnce = 1 << 20;

}  // namespace

absl::StatusOr<TokenWriter> TokenWriter::create(const std::string& path, TokenFormat format) {
  if (format != TokenFormat::kRaw && format != TokenFormat::kLlmC) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " cannot be written in ", token_format_name(format),
                     "'s format; write it raw, or with llm.c's header."));
  }
  absl::StatusOr<AtomicFile> file =
      AtomicFile::create(path, {.overwrite = true, .is_named_by_user = true});
  if (!file.ok()) return file.status();
  TokenWriter writer(*std::move(file), path, format);
  // Filled in at the end.
  if (format == TokenFormat::kLlmC) {
    const absl::Status status = writer.file_.append(write_llm_c_header({}));
    if (!status.ok()) return status;
  }
  return writer;
}

absl::Status TokenWriter::append(std::span<const std::uint16_t> tokens) {
  if (format_ == TokenFormat::kLlmC && num_tokens() + tokens.size() > LlmCHeader::kMostTokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, " was not written: llm.c's header counts up to ", LlmCHeader::kMostTokens,
        " tokens, and there are more; write them raw, or in several files."));
  }
  return file_.append({reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()});
}

absl::Status TokenWriter::move_last(std::uint64_t count, TokenWriter& to) {
  const std::uint64_t begin = file_.size() - count * kTokenSize;
  std::vector<std::uint16_t> tokens;
  for (std::uint64_t offset = begin; offset < file_.size();) {
    const std::uint64_t longest = std::min(kBytesAtOnce, file_.size() - offset);
    const absl::StatusOr<std::string> bytes = file_.read(offset, longest);
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() != longest) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, " was not written: its temporary file was cut short."));
    }
    tokens.resize(longest / kTokenSize);
    std::memcpy(tokens.data(), bytes->data(), longest);
    const absl::Status status = to.append(tokens);
    if (!status.ok()) return status;
    offset += longest;
  }
  return file_.truncate(begin);
}

std::uint64_t TokenWriter::header_size() const {
  return format_ == TokenFormat::kLlmC ? LlmCHeader::kSize : 0;
}

std::uint64_t TokenWriter::num_tokens() const {
  return (file_.size() - header_size()) / kTokenSize;
}

absl::Status TokenWriter::finish() {
  if (format_ == TokenFormat::kLlmC) {
    const absl::Status status =
        file_.overwrite(0, write_llm_c_header({.num_tokens = num_tokens()}));
    if (!status.ok()) return status;
  }
  return file_.commit();
}

}  // namespace accelerate
