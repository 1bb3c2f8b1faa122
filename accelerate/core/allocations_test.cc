// What a training step asks of memory besides LibTorch's forward and backward pass: nothing, once
// it has been taken a few times.
#include "testing/allocations/allocations.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <iostream>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/optim/cosine_decay.h"

namespace accelerate {
namespace {

constexpr int64_t kBatch = 32, kWarmUp = 20, kSteps = 100;

struct Data {
  // Threads of LibTorch's would only wait for each other.
  Data() { at::set_num_threads(1); }

  at::Tensor x = torch::randn({kBatch * (kWarmUp + kSteps), 64});
  at::Tensor y = torch::randint(0, 10, {kBatch * (kWarmUp + kSteps)});

  at::Tensor x_of(int64_t step) const { return x.narrow(0, step * kBatch, kBatch); }
  at::Tensor y_of(int64_t step) const { return y.narrow(0, step * kBatch, kBatch); }
};

torch::nn::Sequential make_net() {
  torch::nn::Sequential net(torch::nn::Linear(64, 256), torch::nn::ReLU(),
                            torch::nn::Linear(256, 10));
  return net;
}

// Of the last kSteps calls that it is told about.
class Counter {
 public:
  void after_step() {
    if (++taken_ == kWarmUp) begin_ = allocation_count();
    if (taken_ == kWarmUp + kSteps) found_ = allocation_count() - begin_;
  }
  int64_t found() const { return found_; }

 private:
  int64_t taken_ = 0, begin_ = 0, found_ = 0;
};

template <class TakeStep>
int64_t count_steps(TakeStep&& take_step) {
  Counter counter;
  for (int64_t step = 0; step < kWarmUp + kSteps; ++step) {
    take_step(step);
    counter.after_step();
  }
  return counter.found();
}

void expect_no_more(int64_t own, int64_t by_hand) {
  std::cout << "allocations in " << kSteps << " steps: " << own << ", by hand " << by_hand << "\n";
  // Otherwise nothing is counted here.
  EXPECT_GT(by_hand, kSteps);
  EXPECT_LE(own, by_hand);
}

// Forward and backward by hand; no parameter is updated.
struct ByHand {
  torch::nn::Sequential net = make_net();
  std::vector<at::Tensor> parameters = net->parameters();

  void backward(const at::Tensor& output, const at::Tensor& target) const {
    torch::cross_entropy_loss(output, target).backward();
    for (const at::Tensor& parameter : parameters) parameter.mutable_grad().reset();
  }
};

template <class Accelerator>
int64_t count_own(Accelerator& accelerator, const Data& data) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  return count_steps([&, &model = model, &optimizer = optimizer](int64_t step) {
    optimizer.zero_grad();
    accelerator.backward(torch::cross_entropy_loss(model(data.x_of(step)), data.y_of(step)));
    optimizer.step();
  });
}

TEST(Allocations, OfAStepAreThoseOfForwardAndBackward) {
  Accelerator<Cpu, Fp32> accelerator;
  const Data data;
  ByHand hand;
  const int64_t by_hand = count_steps(
      [&](int64_t step) { hand.backward(hand.net->forward(data.x_of(step)), data.y_of(step)); });
  expect_no_more(count_own(accelerator, data), by_hand);
}

TEST(Allocations, OfAStepUnderAutocastAreThoseOfForwardAndBackward) {
  Accelerator<Cpu, Bf16> accelerator;
  const Data data;
  ByHand hand;
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const int64_t by_hand = count_steps([&](int64_t step) {
    const at::Tensor x = data.x_of(step);
    at::autocast::set_autocast_enabled(at::kCPU, true);
    const at::Tensor output = hand.net->forward(x);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    hand.backward(output.to(at::kFloat), data.y_of(step));
  });
  expect_no_more(count_own(accelerator, data), by_hand);
}

TEST(Allocations, OfALoaderAndASchedulerAreThoseOfTheirWork) {
  Accelerator<Cpu, Fp32> accelerator;
  const Data data;
  ByHand hand;
  torch::optim::AdamW other(hand.parameters, torch::optim::AdamWOptions(1e-3));
  CosineDecay schedule(other, {.warmup_steps = 10, .total_steps = 1000});
  const int64_t by_hand = count_steps([&](int64_t step) {
    const at::Tensor x = data.x_of(step).clone(), y = data.y_of(step).clone();
    hand.backward(hand.net->forward(x), y);
    schedule.step();
  });

  auto own_net = make_net();
  torch::optim::AdamW adamw(own_net->parameters(), torch::optim::AdamWOptions(1e-3));
  CosineDecay cosine(adamw, {.warmup_steps = 10, .total_steps = 1000});
  auto [model, optimizer, loader, scheduler] = accelerator.prepare(
      own_net, adamw, DataLoader(TensorDataset(data.x, data.y), {.batch_size = kBatch}), cosine);
  Counter counter;
  for (auto& batch : loader) {
    optimizer.zero_grad();
    accelerator.backward(torch::cross_entropy_loss(model(batch.data), batch.target));
    optimizer.step();
    scheduler.step();
    counter.after_step();
  }
  expect_no_more(counter.found(), by_hand);
}

}  // namespace
}  // namespace accelerate
