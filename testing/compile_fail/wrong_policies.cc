// Mistakes that the compiler must explain in a sentence.
#include <torch/optim/sgd.h>

#include "accelerate/accelerate.h"

using namespace accelerate;

struct NoPolicy {
  static constexpr int traits = 0;
};

// The two arguments the other way round.
template class accelerate::Accelerator<Fp32, Cpu>;
// A policy of one's own that lacks what it must have.
template class accelerate::Accelerator<NoPolicy, Fp32>;

template <class Accelerator>
void train(Accelerator& accelerator) {
  std::vector<at::Tensor> parameters;
  // An optimizer that would be gone before its handle.
  (void)accelerator.prepare(torch::optim::SGD(parameters, 0.1));
  // What nobody can prepare.
  (void)accelerator.prepare(3);
  // What a captured step could not look behind.
  auto step = accelerator.capture([](const std::shared_ptr<at::Tensor>& batch) { batch->sin(); });
  step(std::make_shared<at::Tensor>());
}

// With -DACCELERATE_FIXED_STRATEGY=::accelerate::Gpu -DACCELERATE_WITHOUT_CUDA
ACCELERATE_MAIN(train)
