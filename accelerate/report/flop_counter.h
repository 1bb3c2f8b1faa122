// Counts the floating-point operations of the matrix products, convolutions and attentions that
// LibTorch does, in any thread, as long as it is there. A multiplication with its addition counts
// as two, as in torch.utils.flop_counter, whose formulas these are.
//
//   FlopCounter counter;
//   loss_of(net->forward(x)).backward();
//   const double flops = counter.flops();
//
// Every operator is slower meanwhile. Recurrent layers that are one operator, and kernels that are
// none of LibTorch's, are not counted. Part of the report; not for others.
#pragma once

#include <ATen/record_function.h>

namespace accelerate::internal {

// One at a time.
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
