// Sequences of tokens out of files on the disk, to train a language model on: nanoGPT's, llm.c's
// and Megatron's files, however large, without reading them into memory.
//
//   accelerate::TokenFile dataset("train_*.bin", {.sequence_length = 1024,
//                                                 .random = true,
//                                                 .vocabulary_size = 50257});
//   accelerate::DataLoader loader(dataset, {.batch_size = 12});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// The tokens of all files that the pattern describes are one data set, in the order of the files'
// names, byte by byte (10 is before 9). A sequence never goes on from one file to the next; what is
// left at a file's end is left out, or padded where that is asked for.
//
// The files are mapped: the system loads what is read and gives it back when memory is short, and
// copies of the data set, and processes, share it. A file must not become shorter while it is in
// use, which would kill the process with SIGBUS; to replace one, write another and rename it. Its
// size is checked when it is opened, and its tokens when they are read. Reading from several
// threads is safe, but for set_epoch(). Not for text that was not made tokens yet: `accelerate
// tokens` makes them of bytes. Not for streams.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/tokens/token_type.h"

namespace accelerate {

struct TokenFileOptions {
  // T, in tokens.
  int64_t sequence_length = 1024;
  // Tokens from the beginning of a sequence to that of the next. sequence_length without one, so
  // that each token is a target once.
  std::optional<int64_t> stride = std::nullopt;

  // Takes sequences at random places, as nanoGPT does: `samples` of them in an epoch, others in
  // each.
  bool random = false;
  uint64_t seed = 0;
  // As many as lie beside each other in the files, without a number.
  std::optional<int64_t> samples = std::nullopt;

  // Sequences do not go on over the end of a document. Megatron's files know their documents; for
  // others, one of the two tokens below tells. These files are read once when they are opened, and
  // 16 bytes of memory are kept for each document.
  bool keep_documents_apart = false;
  // The token that ends each document, and belongs to it, as in nanoGPT's files.
  std::optional<int64_t> end_of_document = std::nullopt;
  // The token that begins each document, and belongs to it, as in llm.c's files.
  std::optional<int64_t> start_of_document = std::nullopt;
  // Sequences that the end of a document or file cuts short are left out, and so are documents of
  // up to sequence_length tokens; unless this token is given, which fills them up. The targets
  // there are TokenFile::kIgnoredTarget.
  std::optional<int64_t> padding = std::nullopt;

  // A token that is not below it is an error when it is read. Without one, any is taken.
  std::optional<int64_t> vocabulary_size = std::nullopt;

  // Without one, it is seen from the files: Megatron's have an .idx beside them, llm.c's begin with
  // a magic number, and others are raw where their names end in .bin.
  std::optional<TokenFormat> format = std::nullopt;
  // Of raw files; uint16 without one. Others tell it, and must be of the one given here.
  std::optional<TokenType> token_type = std::nullopt;
};

class TokenFile : public torch::data::datasets::BatchDataset<TokenFile, torch::data::Example<>> {
 public:
  // What cross_entropy leaves out by default (ignore_index).
  static constexpr int64_t kIgnoredTarget = -100;

  // `pattern` is a file or has `*`, `?` or `[...]`. Megatron's files may be named by what stands
  // before .bin and .idx. Throws c10::Error with the file's name and the byte where one is damaged;
  // where no file is found, where no sequence fits, or where options contradict each other.
  template <std::convertible_to<std::string> Pattern>
  explicit TokenFile(const Pattern& pattern, const TokenFileOptions& options = {})
      : TokenFile(std::vector<std::string>{pattern}, options) {}
  // All files that any of the patterns describes, each once, sorted.
  explicit TokenFile(const std::vector<std::string>& patterns,
                     const TokenFileOptions& options = {});

  // Tokens [B, T], and as targets those that follow [B, T], both int64 on the CPU and contiguous.
  // Throws c10::Error for a token that the vocabulary does not have.
  torch::data::Example<> get_batch(at::ArrayRef<size_t> sequences) override;
  // Of an epoch, in sequences.
  std::optional<size_t> size() const override;

  // Chooses the random places: that of a sequence comes from seed, epoch and the sequence's number
  // alone, by drawn_number() in sequence_table.h. DataLoader calls it when a pass begins, on each
  // of its copies. Not while another thread reads from the same copy.
  void set_epoch(int64_t epoch) { epoch_ = epoch; }

  // Of all files.
  int64_t num_tokens() const;
  // Their paths, in order.
  std::vector<std::string> files() const;

 private:
  struct Contents;

  std::shared_ptr<const Contents> contents_;
  int64_t epoch_ = 0;
};

}  // namespace accelerate
