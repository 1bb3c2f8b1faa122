#include "train/digits.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <charconv>
#include <fstream>
#include <string_view>
#include <vector>

namespace accelerate::train {
namespace {

constexpr int kPixels = 64;

// Takes the next number off the line, which must be followed by a comma or the end. Returns -1 when
// there is none.
int take_number(std::string_view& line) {
  int value = -1;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc()) return -1;
  line.remove_prefix(end - line.data());
  if (line.empty()) return value;
  if (line.front() != ',') return -1;
  line.remove_prefix(1);
  return value;
}

}  // namespace

Digits Digits::read(const std::string& file) {
  std::ifstream in(file);
  TORCH_CHECK(in.good(), "the data file ", file,
              " cannot be read; check its path, or leave out --data");
  std::vector<float> pixels;
  std::vector<int64_t> labels;
  int64_t number = 0;
  for (std::string text; std::getline(in, text);) {
    ++number;
    std::string_view line(text);
    if (line.ends_with('\r')) line.remove_suffix(1);
    for (int i = 0; i < kPixels; ++i) {
      const int pixel = take_number(line);
      TORCH_CHECK(pixel >= 0 && pixel <= 16, file, ":", number, ": value ", i + 1,
                  " is no pixel; a line holds 64 pixels of 0 to 16 and a label of 0 to 9, "
                  "separated by commas");
      pixels.push_back(static_cast<float>(pixel) / 16);
    }
    const int label = take_number(line);
    TORCH_CHECK(
        label >= 0 && label <= 9 && line.empty(), file, ":", number,
        ": the label is missing or wrong; a line holds 64 pixels of 0 to 16 and a label of 0 to 9, "
        "separated by commas");
    labels.push_back(label);
  }
  TORCH_CHECK(!labels.empty(), "the data file ", file, " is empty; it needs a line for each image");
  const auto count = static_cast<int64_t>(labels.size());
  return Digits(at::tensor(pixels).view({count, 1, 8, 8}), at::tensor(labels));
}

std::pair<Digits, Digits> Digits::split(double share, uint64_t seed) const {
  const int64_t count = labels_.size(0);
  const at::Tensor order =
      at::randperm(count, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kLong));
  const auto first = static_cast<int64_t>(share * static_cast<double>(count));
  const auto part = [&](const at::Tensor& rows) {
    return Digits(images_.index_select(0, rows), labels_.index_select(0, rows));
  };
  return {part(order.narrow(0, 0, first)), part(order.narrow(0, first, count - first))};
}

torch::data::Example<> Digits::get_batch(c10::ArrayRef<size_t> indices) {
  const std::vector<int64_t> numbers(indices.begin(), indices.end());
  const at::Tensor rows = at::tensor(numbers);
  return {images_.index_select(0, rows), labels_.index_select(0, rows)};
}

}  // namespace accelerate::train
