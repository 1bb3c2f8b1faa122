#include "train/text.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace accelerate::train {
namespace {

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  TORCH_CHECK(in.good() && !std::filesystem::is_directory(file), "the text file ", file,
              " cannot be read; check its path, or leave out --data");
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  TORCH_CHECK(!text.empty(), "the text file ", file,
              " is empty; write some text into it, or leave it out of --data");
  return text;
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::vector<std::string_view> split_characters(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin + 1;
    while (end < text.size() && continues_character(text[end])) ++end;
    characters.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return characters;
}

}  // namespace

Text Text::read(const std::vector<std::string>& files) {
  std::string all;
  for (const std::string& file : files) all += contents(file);
  const std::vector<std::string_view> characters = split_characters(all);

  // Bytes of UTF-8 sort as their code points do.
  std::map<std::string_view, int64_t> numbers;
  for (const std::string_view character : characters) numbers[character] = 0;
  Text text;
  for (auto& [character, number] : numbers) {
    number = static_cast<int64_t>(text.vocabulary_.size());
    text.vocabulary_.emplace_back(character);
  }
  std::vector<int64_t> sequence;
  sequence.reserve(characters.size());
  for (const std::string_view character : characters) sequence.push_back(numbers[character]);
  text.characters_ = at::tensor(sequence);
  return text;
}

Windows::Windows(const Text& text, int64_t block) {
  const int64_t length = text.characters().size(0);
  TORCH_CHECK(length > block, "the text has ", length, " characters, too few for a block of ",
              block, " and the one that follows; use a longer text or a smaller --block");
  windows_ = text.characters().unfold(0, block + 1, 1);
}

torch::data::Example<> Windows::get_batch(c10::ArrayRef<size_t> indices) {
  const std::vector<int64_t> numbers(indices.begin(), indices.end());
  const at::Tensor rows = windows_.index_select(0, at::tensor(numbers));
  const int64_t block = rows.size(1) - 1;
  return {rows.narrow(1, 0, block), rows.narrow(1, 1, block)};
}

}  // namespace accelerate::train
