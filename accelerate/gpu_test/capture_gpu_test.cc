// Captured steps beside the same steps as they are: the same bits.
#include <cmath>
#include <functional>
#include <sstream>
#include <vector>

#include "accelerate/gpu_test/on_devices.h"
#include "accelerate/optim/cosine_decay.h"
#include "testing/cuda_calls/cuda_calls.h"

namespace accelerate {
namespace {

using torch::optim::AdamW;
using torch::optim::AdamWOptions;
using Captured = OnGpu;

// A model that is trained, captured or not.
template <class Precision>
class Training {
 public:
  explicit Training(bool captured, double dropout = 0)
      : captured_(captured),
        net_(make_net(dropout)),
        adamw_(net_->parameters(), AdamWOptions(1e-2)),
        cosine_(adamw_, {.total_steps = 100}) {}

  // The losses of these batches, of which a value that is not finite makes an overflow.
  std::vector<double> train(const std::vector<at::Tensor>& batches) {
    auto [model, optimizer, scheduler] = accelerator_.prepare(net_, adamw_, cosine_);
    const auto step = [&](const at::Tensor& batch) {
      optimizer.zero_grad();
      const at::Tensor loss = model(batch).square().mean();
      accelerator_.backward(loss);
      accelerator_.clip_grad_norm(model, 0.5);
      optimizer.step();
      scheduler.step();
      return loss;
    };
    auto recorded = accelerator_.capture(step);
    torch::manual_seed(11);
    std::vector<double> losses;
    for (const at::Tensor& batch : batches) {
      const at::Tensor on_device = batch.to(accelerator_.device());
      losses.push_back((captured_ ? recorded(on_device) : step(on_device)).template item<double>());
      if (between) between(*this);
    }
    EXPECT_EQ(recorded.refusal(), std::nullopt);
    return losses;
  }

  int64_t counted() {
    auto& state = *adamw_.state().at(net_->parameters()[0].unsafeGetTensorImpl());
    return static_cast<torch::optim::AdamWParamState&>(state).step();
  }

  const torch::nn::Sequential& net() const { return net_; }
  AdamW& adamw() { return adamw_; }
  CosineDecay& cosine() { return cosine_; }
  double loss_scale() { return accelerator_.loss_scale(); }
  Accelerator<Gpu, Precision>& accelerator() { return accelerator_; }

  // Called after each step.
  std::function<void(Training&)> between;

 private:
  bool captured_;
  Accelerator<Gpu, Precision> accelerator_;
  torch::nn::Sequential net_;
  AdamW adamw_;
  CosineDecay cosine_;
};

std::vector<at::Tensor> batches(int count) {
  std::vector<at::Tensor> result;
  for (int i = 0; i < count; ++i) result.push_back(make_batch(i));
  return result;
}

template <class Precision>
void expect_the_same(const std::vector<at::Tensor>& data, double dropout = 0) {
  Training<Precision> captured(true, dropout), plain(false, dropout);
  EXPECT_EQ(captured.train(data), plain.train(data));
  expect_same_bits(*captured.net(), *plain.net());
  EXPECT_EQ(captured.counted(), plain.counted());
  EXPECT_EQ(captured.cosine().step_count(), plain.cosine().step_count());
  EXPECT_EQ(captured.loss_scale(), plain.loss_scale());
}

TEST_F(Captured, StepsAreThoseOfThePlainLoop) {
  expect_the_same<Fp32>(batches(50));
  expect_the_same<Bf16>(batches(50));
  expect_the_same<Fp16>(batches(50));
}

TEST_F(Captured, StepsDrawFreshNumbers) { expect_the_same<Fp32>(batches(20), /*dropout=*/0.5); }

TEST_F(Captured, StepsComeInSeveralShapes) {
  std::vector<at::Tensor> data = batches(20);
  for (int i : {6, 12, 13, 19}) data[i] = make_batch(i, 17);
  expect_the_same<Fp32>(data);
}

TEST_F(Captured, StepsAreSkippedAfterAnOverflow) {
  std::vector<at::Tensor> data = batches(20);
  for (int i : {1, 8, 9, 15}) data[i] = torch::full({32, 16}, INFINITY);
  Training<Fp16> captured(true), plain(false);
  captured.train(data);
  plain.train(data);
  expect_same_bits(*captured.net(), *plain.net());
  EXPECT_EQ(captured.counted(), plain.counted());
  EXPECT_EQ(captured.loss_scale(), plain.loss_scale());
}

TEST_F(Captured, StepsGoOnFromALoadedState) {
  const auto reload = [](auto& training) {
    if (training.counted() != 8) return;
    std::stringstream saved;
    torch::save(training.adamw(), saved);
    torch::load(training.adamw(), saved);
  };
  Training<Fp32> captured(true), plain(false);
  captured.between = plain.between = reload;
  captured.train(batches(16));
  plain.train(batches(16));
  expect_same_bits(*captured.net(), *plain.net());
}

TEST_F(Captured, StepsLaunchNothingButTheirGraph) {
  std::optional<CudaCalls> calls;
  Training<Fp32> training(true);
  int steps = 0;
  training.between = [&](Training<Fp32>&) {
    if (++steps == 8) calls.emplace();
  };
  training.train(batches(9));
  EXPECT_FALSE(calls->launched({"step_kernel"}));
  // Copies of inputs and results are no kernels; the generator of random numbers may have two.
  EXPECT_LE(calls->kernels().size(), 2);
}

// What another step has in the meantime does not take the memory that the graph writes.
TEST_F(Captured, StepsKeepTheirMemory) {
  const auto measure_more = [](auto& training) {
    if (training.counted() != 8) return;
    auto large = torch::nn::Linear(2000, 2000);
    large->to(at::kCUDA);
    large->forward(torch::ones({1, 2000}, at::kCUDA)).sum().backward();
    training.accelerator().clip_grad_norm(large->parameters(), 1.0);
  };
  Training<Fp32> captured(true), plain(false);
  captured.between = plain.between = measure_more;
  captured.train(batches(16));
  plain.train(batches(16));
  expect_same_bits(*captured.net(), *plain.net());
}

// A value is read on the host: nothing of the attempt is left, and training goes on.
TEST_F(Captured, StepsThatReadOnTheHostRunAsTheyAre) {
  Training<Fp32> plain(false, /*dropout=*/0.5);
  plain.train(batches(12));
  Accelerator<Gpu, Fp32> accelerator;
  auto net = make_net(/*dropout=*/0.5);
  AdamW adamw(net->parameters(), AdamWOptions(1e-2));
  CosineDecay cosine(adamw, {.total_steps = 100});
  auto [model, optimizer, scheduler] = accelerator.prepare(net, adamw, cosine);
  double sum = 0;
  auto step = accelerator.capture([&](const at::Tensor& batch) {
    optimizer.zero_grad();
    const at::Tensor loss = model(batch).square().mean();
    accelerator.backward(loss);
    accelerator.clip_grad_norm(model, 0.5);
    sum += loss.item<double>();
    optimizer.step();
    scheduler.step();
  });
  torch::manual_seed(11);
  for (const at::Tensor& batch : batches(12)) step(batch.to(accelerator.device()));
  ASSERT_TRUE(step.refusal().has_value());
  EXPECT_GT(sum, 0);
  expect_same_bits(*net, *plain.net());
}

}  // namespace
}  // namespace accelerate
