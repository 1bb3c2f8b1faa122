#include "accelerate/data/tensor_dataset.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

namespace accelerate {
namespace {

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
              "TensorDataset: data and targets are numbers; give tensors whose rows are samples");
  TORCH_CHECK(data_.size(0) == target_.size(0), "TensorDataset: there are ", data_.size(0),
              " rows of data and ", target_.size(0), " of targets; give one target for each row");
}

torch::data::Example<> TensorDataset::get_batch(at::ArrayRef<size_t> rows) {
  c10::AutoGradMode no_grad(false);
  // A copy all the same: what a program does to a batch must not reach the data.
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
