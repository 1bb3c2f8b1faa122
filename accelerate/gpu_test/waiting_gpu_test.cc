// That a step does not wait for the device, and of which launches it consists.
#include <c10/cuda/CUDAFunctions.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/gpu_test/on_devices.h"
#include "accelerate/optim/cosine_decay.h"
#include "formats/metrics/jsonl_reader.h"
#include "testing/cuda_calls/cuda_calls.h"

namespace accelerate {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using torch::optim::AdamW;
using torch::optim::AdamWOptions;

// Where LibTorch would wait, it throws.
class NoWaiting {
 public:
  NoWaiting() { set(c10::cuda::SyncDebugMode::L_ERROR); }
  ~NoWaiting() { set(c10::cuda::SyncDebugMode::L_DISABLED); }

 private:
  static void set(c10::cuda::SyncDebugMode mode) {
    c10::cuda::warning_state().set_sync_debug_mode(mode);
  }
};

// Steps over a loader, with clipping: the first of them may set things up.
template <class Precision>
void expect_no_waiting(bool scheduled) {
  Accelerator<Gpu, Precision> accelerator;
  auto net = make_net();
  AdamW adamw(net->parameters(), AdamWOptions(1e-3));
  TensorDataset data(make_batch(0, 320), torch::arange(320) % 4);
  auto [model, optimizer, loader] =
      accelerator.prepare(net, adamw, DataLoader(data, {.batch_size = 32}));
  CosineDecay cosine(adamw, {.total_steps = 100});
  auto scheduler = accelerator.prepare(cosine);
  int steps = 0;
  std::optional<NoWaiting> no_waiting;
  std::optional<CudaCalls> calls;
  for (auto& batch : loader) {
    if (++steps == 5) {
      no_waiting.emplace();
      calls.emplace();
    }
    optimizer.zero_grad();
    auto loss = torch::nn::functional::cross_entropy(model(batch.data), batch.target);
    accelerator.backward(loss);
    accelerator.clip_grad_norm(model, 1.0);
    optimizer.step();
    if (scheduled) scheduler.step();
  }
  EXPECT_EQ(steps, 10);
  EXPECT_EQ(calls->waits(), 0);
}

using Waiting = OnGpu;

TEST_F(Waiting, IsNotDoneInFullPrecision) { expect_no_waiting<Fp32>(/*scheduled=*/true); }
TEST_F(Waiting, IsNotDoneInBfloat16) { expect_no_waiting<Bf16>(/*scheduled=*/true); }
// A schedule asks which steps were skipped; without one nobody does.
TEST_F(Waiting, IsNotDoneInFp16WhereNobodyAsks) { expect_no_waiting<Fp16>(/*scheduled=*/false); }

// Nor for what is logged; a checkpoint sees to it that it is there.
TEST_F(Waiting, IsNotDoneForWhatIsLogged) {
  std::string folder = testing::TempDir() + "/waiting.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Accelerator<Gpu, Fp32> accelerator;
  accelerator.init_trackers("run", {}, {.folder = folder, .trackers = {"jsonl"}});
  const at::Tensor loss = torch::ones({}, at::kCUDA);
  {
    NoWaiting no_waiting;
    for (int step = 0; step < 3; ++step) accelerator.log({{"loss", loss * step}}, {.step = step});
  }
  accelerator.save_state(folder + "/checkpoint");
  const auto run = metrics::read_jsonl(folder + "/run/metrics.jsonl");
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_EQ(run->series.at("loss").size(), 3u);
  EXPECT_EQ(run->series.at("loss").back().value, 2);
}

// Nor for the copy that a checkpoint is written from: what is launched later comes after it.
TEST_F(Waiting, IsNotDoneForACheckpoint) {
  std::string folder = testing::TempDir() + "/waiting.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Accelerator<Gpu, Fp32> accelerator;
  accelerator.set_checkpoints({.folder = folder, .asynchronous = true});
  // So large that it is still being copied when the host goes on.
  torch::nn::Linear net(8192, 8192);
  auto model = accelerator.prepare(net);
  for (int save = 0; save < 2; ++save) {
    torch::NoGradGuard no_grad;
    const at::Tensor before = net->weight.clone();
    {
      NoWaiting no_waiting;
      accelerator.save_state();
      net->weight.fill_(7);
    }
    accelerator.load_state(folder + "/checkpoint_" + std::to_string(save));
    EXPECT_TRUE(at::equal(net->weight, before)) << save;
  }
}

TEST_F(Waiting, IsNoticedByTheseTests) {
  const at::Tensor one = torch::ones({1}, at::kCUDA);
  const CudaCalls calls;
  EXPECT_EQ(one.item<double>(), 1);
  EXPECT_GT(calls.waits(), 0);
  NoWaiting no_waiting;
  EXPECT_THROW(one.item<double>(), c10::Error);
}

using Launches = OnGpu;

// Of clipping, and of the step.
template <class Precision>
std::pair<std::vector<std::string>, std::vector<std::string>> launches_of_a_step() {
  Accelerator<Gpu, Precision> accelerator;
  auto net = make_net();
  std::vector<torch::optim::OptimizerParamGroup> groups{
      torch::optim::OptimizerParamGroup({net->parameters()[0], net->parameters()[2]}),
      torch::optim::OptimizerParamGroup({net->parameters()[1], net->parameters()[3]})};
  groups[1].set_options(std::make_unique<AdamWOptions>(AdamWOptions(1e-3).weight_decay(0)));
  AdamW adamw(groups, AdamWOptions(1e-3));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  std::pair<std::vector<std::string>, std::vector<std::string>> result;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    accelerator.backward(model(make_batch(step).to(accelerator.device())).square().mean());
    const CudaCalls calls;
    accelerator.clip_grad_norm(model, 1.0);
    result.first = calls.kernels();
    optimizer.step();
    result.second = calls.kernels();
    result.second.erase(result.second.begin(),
                        result.second.begin() + static_cast<int64_t>(result.first.size()));
  }
  return result;
}

void expect_names(const std::vector<std::string>& kernels, const std::vector<std::string>& words) {
  std::vector<testing::Matcher<std::string>> names;
  for (const std::string& word : words) names.push_back(HasSubstr(word));
  EXPECT_THAT(kernels, ElementsAreArray(names));
}

// Whatever the number of groups and parameters.
TEST_F(Launches, AreTheSameFewInEveryPrecision) {
  const std::vector<std::string> clipping{"norm_kernel", "final_kernel", "begin_kernel"};
  const std::vector<std::string> step{"begin_kernel", "step_kernel"};
  for (const auto& launches :
       {launches_of_a_step<Fp32>(), launches_of_a_step<Bf16>(), launches_of_a_step<Fp16>()}) {
    expect_names(launches.first, clipping);
    expect_names(launches.second, step);
  }
}

}  // namespace
}  // namespace accelerate
