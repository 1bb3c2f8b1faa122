// Values that the compiler must refuse in a sentence, rather than leave a part of them as it is.
#include <torch/torch.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "accelerate/accelerate.h"

using namespace accelerate;

struct Named {
  at::Tensor logits;
  std::string name;
};

struct Base {
  at::Tensor logits;
};
struct Derived : Base {
  at::Tensor hidden;
};

struct Array {
  at::Tensor hidden[2];
};

struct Long {
  at::Tensor m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19;
  at::Tensor m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32, m33;
};

struct Sharing : torch::nn::Module {
  std::shared_ptr<at::Tensor> forward(at::Tensor x) { return std::make_shared<at::Tensor>(x); }
};

template <class Accelerator>
void train(Accelerator& accelerator) {
  // What a struct cannot hold afterwards.
  (void)accelerator.gather(Named());
  // No sample.
  (void)accelerator.gather_for_metrics(0.5);
  // Has no sum.
  (void)accelerator.reduce(std::string("text"));
  // Has no dimension to pad.
  (void)accelerator.pad_across_processes(std::vector<int>());
  // Whose tensor belongs to others too.
  (void)accelerator.broadcast(std::make_shared<at::Tensor>());
  (void)accelerator.gather(std::set<std::string>());
  (void)accelerator.gather(Derived());
  (void)accelerator.gather(Array());
  (void)accelerator.gather(Long());
  // Of which no other rank could make one.
  (void)accelerator.gather_object(std::make_shared<at::Tensor>());
  (void)accelerator.split_between_processes(std::pair(at::ones({2}), 2));
  accelerate::release_memory(*torch::nn::Linear(1, 1));
  // An output that would stay in 16 bits.
  auto model = accelerator.prepare(std::make_shared<Sharing>());
  (void)model(at::ones({1}));
}

ACCELERATE_MAIN(train)
