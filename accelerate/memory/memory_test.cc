// What a run holds of its device's memory, and what is said where that is not enough. On one
// process and on two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>
#include <string>
#include <thread>

#include "accelerate/core/accelerator.h"
#include "accelerate/memory/out_of_memory.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using torch::nn::Linear;

using Full = Accelerator<MultiCpu, Fp32>;

constexpr int64_t kWidth = 64;
constexpr int64_t kWeightBytes = kWidth * kWidth * 4;
constexpr int64_t kLayerBytes = kWeightBytes + kWidth * 4;
// Of one bucket: what lies between gradients, and the signal behind them.
constexpr int64_t kPadding = 512;

torch::nn::Sequential two_layers() {
  return torch::nn::Sequential(Linear(kWidth, kWidth), Linear(kWidth, kWidth));
}

at::Tensor some_input() { return torch::ones({2, kWidth}); }

std::string text_of(const MemoryUsage& usage) {
  std::ostringstream out;
  out << usage;
  return out.str();
}

int64_t bytes_of(const MemoryUsage& usage, const std::string& name) {
  int64_t bytes = 0;
  for (const HeldTensor& tensor : usage.held)
    if (tensor.name == name) bytes += tensor.bytes;
  return bytes;
}

TEST(Memory, IsToldByKindAndName) {
  Full accelerator;
  auto net = two_layers();
  torch::optim::AdamW adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  MemoryUsage usage = accelerator.memory();
  EXPECT_EQ(usage.bytes_of(MemoryKind::kParameter), 2 * kLayerBytes);
  EXPECT_EQ(usage.bytes_of(MemoryKind::kGradient), 0);
  EXPECT_EQ(usage.bytes_of(MemoryKind::kOptimizer), 0);
  EXPECT_THAT(text_of(usage), Not(HasSubstr("optimizer state")));

  accelerator.backward(model(some_input()).sum());
  optimizer.step();
  usage = accelerator.memory();
  EXPECT_EQ(usage.bytes_of(MemoryKind::kParameter), 2 * kLayerBytes);
  EXPECT_EQ(usage.bytes_of(MemoryKind::kGradient), 2 * kLayerBytes);
  EXPECT_EQ(usage.bytes_of(MemoryKind::kOptimizer), 4 * kLayerBytes);
  EXPECT_EQ(bytes_of(usage, "0.weight"), kWeightBytes);
  EXPECT_EQ(bytes_of(usage, "1.weight.grad"), kWeightBytes);
  EXPECT_EQ(bytes_of(usage, "1.bias.exp_avg_sq"), kWidth * 4);
  EXPECT_EQ(usage.held.front().bytes, kWeightBytes);
  EXPECT_GT(usage.in_use, 10 * kLayerBytes) << "of the whole process";
  EXPECT_GE(usage.peak, usage.bytes_of(MemoryKind::kOptimizer));
  EXPECT_EQ(usage.other() + 8 * kLayerBytes + usage.bytes_of(MemoryKind::kBucket), usage.in_use);
  EXPECT_THAT(text_of(usage), AllOf(HasSubstr("\n  parameters           32.5 KB   the largest: "),
                                    HasSubstr("\n  optimizer state      65.0 KB   the largest: "),
                                    HasSubstr("weight.exp_avg, 16.0 KB"), HasSubstr("\n  other ")));
}

TEST(Memory, HasBucketsWhereGradientsTravel) {
  Full accelerator;
  auto net = two_layers();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const int64_t before = accelerator.memory().bytes_of(MemoryKind::kBucket);
  accelerator.backward(model(some_input()).sum());
  const int64_t after = accelerator.memory().bytes_of(MemoryKind::kBucket);
  optimizer.zero_grad();
  const int64_t emptied = accelerator.memory().bytes_of(MemoryKind::kBucket);
  if (accelerator.num_processes() == 1) {
    EXPECT_EQ(before + after + emptied, 0);
    return;
  }
  EXPECT_GE(before, 2 * kLayerBytes);
  EXPECT_LE(before, 2 * kLayerBytes + kPadding);
  EXPECT_LE(after, kPadding) << "as the gradients lie in them";
  EXPECT_EQ(emptied, before);
}

TEST(Memory, OfNarrowGradientsIsThatOfTheWireAsWell) {
  Full accelerator({.gradients = {.compression = GradientCompression::kBf16}});
  auto model = accelerator.prepare(two_layers());
  accelerator.backward(model(some_input()).sum());
  const int64_t buckets = accelerator.memory().bytes_of(MemoryKind::kBucket);
  if (accelerator.num_processes() == 1) {
    EXPECT_EQ(buckets, 0);
  } else {
    EXPECT_GE(buckets, kLayerBytes);
    EXPECT_LE(buckets, kLayerBytes + 2 * kPadding);
  }
}

struct TiedImpl : torch::nn::Module {
  TiedImpl() {
    first = register_module("first", Linear(kWidth, kWidth));
    second = register_module("second", first);
    frozen = register_module("frozen", Linear(kWidth, kWidth));
    for (auto& parameter : frozen->parameters()) parameter.requires_grad_(false);
    count = register_buffer("count", torch::zeros({kWidth}));
    view = register_buffer("view", count.slice(0, 0, 2));
  }
  at::Tensor forward(const at::Tensor& x) { return second(first(x)) + frozen(x); }
  Linear first{nullptr}, second{nullptr}, frozen{nullptr};
  at::Tensor count, view;
};
TORCH_MODULE(Tied);

TEST(Memory, CountsOnceWhatHasTwoNames) {
  Full accelerator;
  auto model = accelerator.prepare(Tied());
  accelerator.backward(model(some_input()).sum());
  const MemoryUsage usage = accelerator.memory();
  EXPECT_EQ(usage.bytes_of(MemoryKind::kParameter), 2 * kLayerBytes);
  EXPECT_EQ(usage.bytes_of(MemoryKind::kGradient), kLayerBytes) << "frozen ones have none";
  EXPECT_EQ(usage.bytes_of(MemoryKind::kBuffer), kWidth * 4);
}

// Views of one buffer of 4000 bytes, the small ones before it.
struct ViewsImpl : torch::nn::Module {
  ViewsImpl() {
    const at::Tensor all = torch::zeros({1000});
    first = register_parameter("first", all.slice(0, 0, 10), /*requires_grad=*/false);
    register_buffer("view", all.slice(0, 2, 12));
    register_buffer("all", all);
    register_buffer("tail", all.slice(0, 500, 1000));
    register_buffer("tenth", torch::zeros({1000}).slice(0, 0, 1000, 10));
    register_buffer("end", torch::zeros({1000}).slice(0, 900, 1000));
  }
  at::Tensor forward(const at::Tensor& x) { return x * first.sum(); }
  at::Tensor first;
};
TORCH_MODULE(Views);

TEST(Memory, CountsEachByteOnceWhateverViewsThereAre) {
  Full accelerator;
  auto model = accelerator.prepare(Views());
  const MemoryUsage usage = accelerator.memory();
  EXPECT_EQ(bytes_of(usage, "first"), 40);
  EXPECT_EQ(bytes_of(usage, "view"), 8) << "what is not in the parameter";
  EXPECT_EQ(bytes_of(usage, "all"), 4000 - 48);
  EXPECT_EQ(bytes_of(usage, "tail"), 0);
  EXPECT_EQ(bytes_of(usage, "tenth"), 4000) << "as all of it is kept";
  EXPECT_EQ(bytes_of(usage, "end"), 4000) << "as all of it is kept";
}

struct ExpandedImpl : torch::nn::Module {
  ExpandedImpl() { register_buffer("wide", torch::zeros({1}).expand({1000, 1000})); }
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Expanded);

TEST(Memory, OfAnExpandedTensorIsThatOfItsValues) {
  Full accelerator;
  const auto prepare = [&] { return accelerator.prepare(Expanded()); };
  if (accelerator.num_processes() == 1) {
    const auto model = prepare();
    EXPECT_EQ(bytes_of(accelerator.memory(), "wide"), 4);
    return;
  }
  // Where it would have to be made equal.
  EXPECT_THAT(message_of(prepare),
              AllOf(HasSubstr("[1000, 1000]"), HasSubstr("register a contiguous()")));
}

TEST(Memory, NamesTheBuffersOfASecondModelAsItsParameters) {
  Full accelerator;
  auto first = accelerator.prepare(Tied()), second = accelerator.prepare(Tied());
  const MemoryUsage usage = accelerator.memory();
  EXPECT_EQ(bytes_of(usage, "count"), kWidth * 4);
  EXPECT_EQ(bytes_of(usage, "model_1/count"), kWidth * 4);
}

TEST(Memory, OfSparseGradientsIsThatOfTheirRows) {
  Full accelerator;
  torch::nn::Embedding table(torch::nn::EmbeddingOptions(1000, kWidth).sparse(true));
  auto model = accelerator.prepare(table);
  accelerator.backward(model(torch::arange(3)).sum());
  const MemoryUsage usage = accelerator.memory();
  // Equal rows of several ranks have been added up in the memory of all of them.
  const int64_t rows = 3 * accelerator.num_processes();
  EXPECT_EQ(bytes_of(usage, "weight.grad.values"), rows * kWidth * 4);
  EXPECT_EQ(bytes_of(usage, "weight.grad.indices"), rows * 8);
}

TEST(Memory, LeavesAnOptimizerThatItDoesNotKnowToOthers) {
  Full accelerator;
  auto net = two_layers();
  torch::optim::LBFGS lbfgs(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, lbfgs);
  EXPECT_EQ(accelerator.memory().bytes_of(MemoryKind::kOptimizer), 0);
}

TEST(Memory, IsFreeOfModelsThatAreGone) {
  Full accelerator;
  { auto model = accelerator.prepare(two_layers()); }
  auto model = accelerator.prepare(Linear(1, 1));
  EXPECT_EQ(accelerator.memory().bytes_of(MemoryKind::kParameter), 8);
}

// ---- Out of memory, as an allocator of a GPU tells of it

constexpr cuda::FailedAllocation kFailed = {.device = 1,
                                            .wanted = int64_t{2} << 30,
                                            .total = int64_t{80} << 30,
                                            .free = int64_t{1} << 30,
                                            .kept = int64_t{3} << 20};

TEST(OutOfMemory, NamesWhatTheRunHolds) {
  Full accelerator;
  auto net = two_layers();
  torch::optim::AdamW adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(some_input()).sum());
  optimizer.step();
  OutOfMemoryWatch::note(kFailed);
  const std::string note = take_out_of_memory_note();
  EXPECT_THAT(note, StartsWith("rank " + std::to_string(accelerator.process_index()) +
                               " wanted 2.0 GB on GPU 1, where 1.0 GB of 80.0 GB are free and "
                               "LibTorch keeps another 3.0 MB in pieces\n"));
  EXPECT_THAT(note, AllOf(HasSubstr("\n  gradients            32.5 KB"),
                          HasSubstr("\nthe largest tensors that are known:\n  "),
                          HasSubstr("0.weight (parameters), 16.0 KB"),
                          HasSubstr("\nwhat helps:\n  a smaller batch"), HasSubstr("Lion"),
                          Not(HasSubstr("expandable_segments"))));
  EXPECT_EQ(take_out_of_memory_note(), "") << "once";
}

TEST(OutOfMemory, SaysWhatHelpsHere) {
  Full accelerator;
  cuda::FailedAllocation failed = kFailed;
  failed.kept = failed.wanted;
  OutOfMemoryWatch::note(failed);
  EXPECT_THAT(take_out_of_memory_note(),
              AllOf(HasSubstr("what helps:\n  PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"),
                    Not(HasSubstr("Lion")), Not(HasSubstr("the largest tensors"))))
      << "where no optimizer holds anything";
}

// Runs out of memory in the backward pass.
struct GreedyBackward : torch::autograd::Function<GreedyBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x) {
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list) {
    OutOfMemoryWatch::note(kFailed);
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory.");
  }
};

TEST(OutOfMemory, IsNotedBeforeTheErrorTakesModelsAway) {
  Full accelerator;
  const auto train = [&] {
    auto model = accelerator.prepare(two_layers());
    accelerator.backward(GreedyBackward::apply(model(some_input()).sum()));
  };
  EXPECT_THROW(train(), c10::OutOfMemoryError);
  EXPECT_THAT(take_out_of_memory_note(), HasSubstr("1.weight (parameters)"));
}

TEST(OutOfMemory, OfAThreadBesideTheTrainingIsToldWithoutTensors) {
  Full accelerator;
  auto model = accelerator.prepare(two_layers());
  std::thread([] { OutOfMemoryWatch::note(kFailed); }).join();
  EXPECT_THAT(take_out_of_memory_note(), AllOf(HasSubstr("wanted 2.0 GB on GPU 1"),
                                               HasSubstr("what helps:"), Not(HasSubstr("weight"))));
}

TEST(OutOfMemory, IsSurvivedWhereTheUsageCannotBeTold) {
  const OutOfMemoryWatch watch({}, []() -> MemoryUsage { TORCH_CHECK(false, "out of order"); });
  OutOfMemoryWatch::note(kFailed);
  EXPECT_THAT(take_out_of_memory_note(), StartsWith("wanted 2.0 GB on GPU 1"));
}

}  // namespace
}  // namespace accelerate
