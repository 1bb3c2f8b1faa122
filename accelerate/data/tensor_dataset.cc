#include "accelerate/data/tensor_dataset.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/DimVector.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>

namespace accelerate {
namespace {

// What one thread is to copy at least, where several could.
constexpr size_t kBytesOfAThread = 128 * 1024;

// Whether its rows are plain memory, one behind the other.
bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.layout() == at::kStrided && tensor.is_contiguous() &&
         !tensor.is_conj() && !tensor.is_neg() && !tensor.is_quantized();
}

// Without LibTorch's operators, which cost more than to copy the rows of a small batch.
at::Tensor copy_plain(const at::Tensor& all, at::ArrayRef<size_t> rows) {
  c10::DimVector sizes(all.sizes());
  sizes[0] = static_cast<int64_t>(rows.size());
  at::Tensor batch = at::empty(sizes, all.options());
  for (const size_t row : rows) {
    TORCH_CHECK(row < static_cast<size_t>(all.size(0)), "TensorDataset: row ", row,
                " was asked for, but there are ", all.size(0), "; ask for 0 to size() - 1");
  }
  if (batch.numel() == 0) return batch;
  const size_t row_bytes = batch.nbytes() / rows.size();
  const auto* const from = static_cast<const char*>(all.const_data_ptr());
  auto* const to = static_cast<char*>(batch.mutable_data_ptr());
  const size_t rows_of_a_thread = std::max<size_t>(1, kBytesOfAThread / row_bytes);
  at::parallel_for(0, sizes[0], static_cast<int64_t>(rows_of_a_thread),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i)
                       std::memcpy(to + i * row_bytes, from + rows[i] * row_bytes, row_bytes);
                   });
  return batch;
}

bool follow_each_other(at::ArrayRef<size_t> rows) {
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i] != rows[0] + i) return false;
  }
  return !rows.empty();
}

}  // namespace

TensorDataset::TensorDataset(at::Tensor data, at::Tensor target)
    : data_(std::move(data)), target_(std::move(target)) {
  TORCH_CHECK(data_.dim() > 0 && target_.dim() > 0,
              "TensorDataset: data or target is a scalar; give tensors whose rows are samples");
  TORCH_CHECK(data_.size(0) == target_.size(0), "TensorDataset: there are ", data_.size(0),
              " rows of data and ", target_.size(0), " of targets; give one target for each row");
}

torch::data::Example<> TensorDataset::get_batch(at::ArrayRef<size_t> rows) {
  c10::AutoGradMode no_grad(false);
  // Copies all the same: what a program does to a batch must not reach the data.
  if (is_plain(data_) && is_plain(target_))
    return {copy_plain(data_, rows), copy_plain(target_, rows)};
  if (follow_each_other(rows)) {
    const auto begin = static_cast<int64_t>(rows[0]), count = static_cast<int64_t>(rows.size());
    return {data_.narrow(0, begin, count).clone(), target_.narrow(0, begin, count).clone()};
  }
  at::Tensor index = at::empty({static_cast<int64_t>(rows.size())}, at::kLong);
  std::copy(rows.begin(), rows.end(), index.mutable_data_ptr<int64_t>());
  index = index.to(data_.device());
  return {data_.index_select(0, index), target_.index_select(0, index)};
}

}  // namespace accelerate
