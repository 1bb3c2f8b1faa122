// Sequences of tokens from files on disk, to train a language model on: nanoGPT's, llm.c's and
// Megatron's files of any size, without reading them into memory.
//
//   accelerate::TokenFile dataset("train_*.bin", {.sequence_length = 1024,
//                                                 .random = true,
//                                                 .vocabulary_size = 50257});
//   accelerate::DataLoader loader(dataset, {.batch_size = 12});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// All files that match the pattern form one data set, in the byte order of their names (10 is
// before 9). A sequence never crosses from one file to the next; what remains at the end of a file
// is left out, or padded if you ask for it.
//
// The files are memory-mapped: the system loads what is read and drops it when memory is short, and
// processes and copies of the data set share it. A file must not become shorter while it is in use,
// which would end the process with SIGBUS; to replace a file, write a new one and rename it. The
// size of a file is checked when it is opened, and its tokens when they are read. Reading from
// several threads is safe, except for set_epoch(). Not for plain text, which `accelerate tokens`
// turns into tokens, one per byte. Not for streams.
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
  // Tokens in a sequence, T.
  int64_t sequence_length = 1024;
  // Tokens from the start of one sequence to the start of the next. Defaults to sequence_length, so
  // that each token is a target once.
  std::optional<int64_t> stride = std::nullopt;

  // Takes sequences at random places, as nanoGPT does: `samples` of them in an epoch, different
  // ones in each epoch.
  bool random = false;
  uint64_t seed = 0;
  // Random sequences in an epoch. Defaults to as many as fit side by side into the files.
  std::optional<int64_t> samples = std::nullopt;

  // No sequence crosses the end of a document. Megatron's files record their documents; other files
  // need one of the two tokens below. They are read once when they are opened, and take 16 bytes of
  // memory per document.
  bool keep_documents_apart = false;
  // The token that ends each document, and belongs to it, as in nanoGPT's files.
  std::optional<int64_t> end_of_document = std::nullopt;
  // The token that begins each document, and belongs to it, as in llm.c's files.
  std::optional<int64_t> start_of_document = std::nullopt;
  // The token that fills up sequences that the end of a document or file cuts short; the targets
  // there are TokenFile::kIgnoredTarget. Without it, such sequences are left out, and so are
  // documents of up to sequence_length tokens.
  std::optional<int64_t> padding = std::nullopt;

  // A token that is not below it is an error when it is read. Without it, any token is accepted.
  std::optional<int64_t> vocabulary_size = std::nullopt;

  // Recognised from the files by default: Megatron's have an .idx beside them, llm.c's begin with a
  // magic number, and other files are raw if their names end in .bin.
  std::optional<TokenFormat> format = std::nullopt;
  // The type of the tokens in raw files; uint16 by default. Other files record their type, which
  // must match one given here.
  std::optional<TokenType> token_type = std::nullopt;
};

class TokenFile : public torch::data::datasets::BatchDataset<TokenFile, torch::data::Example<>> {
 public:
  // What cross_entropy leaves out by default (ignore_index).
  static constexpr int64_t kIgnoredTarget = -100;

  // `pattern` is a file, or contains `*`, `?` or `[...]`. Megatron's files may be named without
  // .bin and .idx. Throws c10::Error if a file is damaged (naming the file and the byte), if no
  // file is found, if no sequence fits, or if options contradict each other.
  template <std::convertible_to<std::string> Pattern>
  explicit TokenFile(const Pattern& pattern, const TokenFileOptions& options = {})
      : TokenFile(std::vector<std::string>{pattern}, options) {}
  // All files that match any of the patterns, each once, sorted.
  explicit TokenFile(const std::vector<std::string>& patterns,
                     const TokenFileOptions& options = {});

  // Tokens [B, T], and as targets the tokens that follow them [B, T], both int64, contiguous and on
  // the CPU. Throws c10::Error for a token that is not in the vocabulary.
  torch::data::Example<> get_batch(at::ArrayRef<size_t> sequences) override;
  // Sequences in an epoch.
  std::optional<size_t> size() const override;

  // Selects the random places, which depend only on the seed, the epoch and the number of the
  // sequence (drawn_number() in sequence_table.h). DataLoader calls it on each of its copies when a
  // pass begins. Must not be called while another thread reads from the same copy.
  void set_epoch(int64_t epoch) { epoch_ = epoch; }

  // Tokens in all files.
  int64_t num_tokens() const;
  // The paths of all files, in order.
  std::vector<std::string> files() const;

 private:
  struct Contents;

  std::shared_ptr<const Contents> contents_;
  int64_t epoch_ = 0;
};

}  // namespace accelerate
