// Text files as data for a character-level language model.
//
//   Text text = Text::read({"README.md", "CONTRIBUTING.md"});
//   Windows windows(text, /*block=*/64);
//   auto [characters, next] = windows.get_batch({0, 1});   // both [2, 64]
//
// Not for large corpora: the whole text is kept in memory at eight bytes a character.
#pragma once

#include <torch/data/datasets/base.h>

#include <string>
#include <vector>

namespace accelerate::train {

// A character is a UTF-8 sequence, so that a model never samples half of one.
class Text {
 public:
  // The files' contents, one after the other. Throws c10::Error that names the file which is
  // missing or empty.
  static Text read(const std::vector<std::string>& files);

  // All characters that occur, in the order of their code points; a character's index is its
  // number.
  const std::vector<std::string>& vocabulary() const { return vocabulary_; }
  // The numbers of the text's characters, in int64.
  const at::Tensor& characters() const { return characters_; }

 private:
  std::vector<std::string> vocabulary_;
  at::Tensor characters_;
};

// All pieces of `block` characters of a text, one beginning at each character. Each comes with the
// characters that follow: what a model has to predict at each place.
class Windows : public torch::data::datasets::BatchDataset<Windows, torch::data::Example<>> {
 public:
  // Throws c10::Error when the text is too short for one.
  Windows(const Text& text, int64_t block);

  torch::data::Example<> get_batch(c10::ArrayRef<size_t> indices) override;
  std::optional<size_t> size() const override { return windows_.size(0); }

 private:
  at::Tensor windows_;
};

}  // namespace accelerate::train
