// Counts the floating-point operations of the matrix products, convolutions and attentions that
// LibTorch does in any thread while the counter exists. A multiplication with its addition counts
// as two; the formulas are those of torch.utils.flop_counter.
//
//   FlopCounter counter;
//   loss_of(net->forward(x)).backward();
//   const double flops = counter.flops();
//
// Every operator is slower meanwhile. Recurrent layers that are one operator, and kernels that are
// not LibTorch's, are not counted. Part of the report; not for others.
#pragma once

#include <ATen/record_function.h>

namespace accelerate::internal {

// Only one can exist at a time.
class FlopCounter {
 public:
  FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;
  ~FlopCounter();

  double flops() const;

 private:
  at::CallbackHandle callback_;
};

}  // namespace accelerate::internal
