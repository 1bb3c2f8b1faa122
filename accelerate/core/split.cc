#include "accelerate/core/split.h"

#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

namespace accelerate::internal {

const ProcessShare& Splitting::share_of(int64_t length) {
  TORCH_CHECK(!length_ || *length_ == length,
              "split_between_processes: the entries have different lengths (", length_.value_or(0),
              " and ", length,
              "), so that their parts would not belong together; give entries of "
              "one length, or split each on its own");
  if (!length_) {
    length_ = length;
    share_ = share_of_process(length, options_);
  }
  return share_;
}

void Splitting::tensor(at::Tensor& value) {
  if (!value.defined()) return;
  TORCH_CHECK(value.dim() > 0,
              "split_between_processes: a tensor of one number has no rows to split; leave it out "
              "of the value, or give it a dimension with unsqueeze(0)");
  const ProcessShare& share = share_of(value.size(0));
  at::Tensor part = value.narrow(0, share.begin, share.size);
  if (share.padding > 0) {
    std::vector<int64_t> shape = value.sizes().vec();
    shape[0] = share.padding;
    part = at::cat({part, value.narrow(0, value.size(0) - 1, 1).expand(shape)});
  }
  value = part;
}

void Splitting::refuse_padding() {
  TORCH_CHECK(false,
              "split_between_processes: elements that cannot be copied cannot be repeated; leave "
              "out .apply_padding, or hold them in std::shared_ptr");
}

}  // namespace accelerate::internal
