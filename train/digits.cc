#include "train/digits.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <vector>

#include "accelerate/data/csv_file.h"

namespace accelerate::train {

Digits Digits::read(const std::string& file) {
  const CsvFile table(file, {.header = false});
  constexpr int kPixels = 64;
  TORCH_CHECK(table.data().size(1) == kPixels, file, " has ", table.data().size(1),
              " values before the label of a line; it needs ", kPixels, " pixels");
  // The number of the first image that has such a value, from 1, or 0.
  const auto first_with = [](const at::Tensor& found) {
    return found.any().item<bool>() ? found.to(at::kByte).argmax().item<int64_t>() + 1 : 0;
  };
  const at::Tensor &pixels = table.data(), &labels = table.target();
  const int64_t wrong_pixel = first_with(pixels.lt(0).logical_or(pixels.gt(16)).any(1));
  TORCH_CHECK(wrong_pixel == 0, file, ": image ", wrong_pixel,
              " has a pixel that is not between 0 and 16");
  const int64_t wrong_label = first_with(labels.lt(0).logical_or(labels.gt(9)));
  TORCH_CHECK(wrong_label == 0, file, ": image ", wrong_label,
              " has a label that is no digit of 0 to 9");
  return Digits((pixels / 16).view({-1, 1, 8, 8}), labels);
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
