// Checkpoints of a training in parts.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/sharding/sharded_test_model.h"

namespace accelerate {
namespace {

struct SavedRun {
  explicit SavedRun(uint64_t seed) {
    torch::manual_seed(seed);
    net = Mixed();
    adamw = make_adamw(net->parameters());
  }
  template <class Accelerator>
  void train(Accelerator& accelerator, int from, int to) {
    auto [model, optimizer] = accelerator.prepare(net, *adamw);
    if (from > 0) accelerator.load_state(folder);
    for (int step = from; step < to; ++step) {
      torch::manual_seed(step + 100 * accelerator.process_index());
      accelerator.backward(model(torch::randn({4, 6})).square().mean());
      optimizer.step();
      optimizer.zero_grad();
    }
    if (from > 0) return;
    std::string own = testing::TempDir() + "/sharded_XXXXXX";
    if (accelerator.is_main_process()) own = mkdtemp(own.data());
    folder = accelerator.broadcast(own) + "/checkpoint";
    accelerator.save_state(folder);
    accelerator.wait_for_checkpoint();
  }
  std::vector<at::Tensor> parameters() const { return values_of(*net); }

  Mixed net{nullptr};
  std::unique_ptr<torch::optim::Optimizer> adamw;
  std::string folder;
};

template <class From, class To>
void expect_goes_on(const std::vector<at::Tensor>& unbroken) {
  SavedRun first(3), second(4);
  {
    Accelerator<From, Fp32> accelerator;
    first.train(accelerator, 0, 3);
  }
  second.folder = first.folder;
  Accelerator<To, Fp32> accelerator;
  second.train(accelerator, 3, 6);
  expect_equal(second.parameters(), unbroken);
}

TEST(ShardedCheckpoints, GoOnWithAnyStrategy) {
  SavedRun run(3);
  Accelerator<MultiCpu, Fp32> accelerator;
  run.train(accelerator, 0, 6);
  const auto unbroken = run.parameters();
  expect_goes_on<Zero2Cpu, Zero2Cpu>(unbroken);
  expect_goes_on<Zero2Cpu, MultiCpu>(unbroken);
  expect_goes_on<MultiCpu, Zero1Cpu>(unbroken);
  expect_goes_on<Zero1Cpu, Zero2Cpu>(unbroken);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ShardedCheckpoints, AreTheFilesOfAveragedTraining) {
  SavedRun whole(3), parts(3);
  Accelerator<MultiCpu, Fp32> averaged;
  whole.train(averaged, 0, 3);
  Accelerator<Zero2Cpu, Fp32> sharded;
  parts.train(sharded, 0, 3);
  for (const char* file : {"/model.safetensors", "/optimizer.safetensors"})
    EXPECT_TRUE(bytes_of(parts.folder + file) == bytes_of(whole.folder + file)) << file;
}

}  // namespace
}  // namespace accelerate
