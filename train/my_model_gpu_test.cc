// The example on a GPU beside the CPU, and captured beside plain.
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/torch.h>

#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate::train {
namespace {

using launcher::ProgramEnd;

// 50 steps.
ProgramEnd run(const std::vector<std::string>& arguments) {
  launcher::SubprocessOptions options{
      .arguments = {std::getenv("MY_MODEL"), "--epochs=1", "--batch_size=29", "--report_ranks"}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  ProgramEnd end = launcher::run_to_end(options);
  EXPECT_EQ(end.code, 0) << end.errors;
  return end;
}

std::map<std::string, at::Tensor> read_network(const std::string& file) {
  torch::serialize::InputArchive network;
  network.load_from(file, at::kCPU);
  std::map<std::string, at::Tensor> parameters;
  for (const std::string layer : {"convolution1", "norm", "convolution2", "classifier"}) {
    torch::serialize::InputArchive part;
    network.read(layer, part);
    for (const std::string name : {"weight", "bias"})
      part.read(name, parameters[layer + "." + name]);
  }
  return parameters;
}

class MyModelOnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (torch::cuda::device_count() == 0) GTEST_SKIP() << "no GPU here";
    // Full precision there, too.
    setenv("NVIDIA_TF32_OVERRIDE", "0", /*replace=*/1);
  }
};

// Sums in another order differ in their last bits, which 50 steps of AdamW make 1e-4 of: so far
// apart are two runs on CPUs with different vector units (SSE 4 and AVX2). Allowed is twenty times
// that. Of one parameter they say nothing: the bias before a normalisation changes no output, its
// gradient is rounding alone, and AdamW steps by its rate whatever the gradient's size.
void expect_close(const std::string& one, const std::string& other) {
  const auto of_one = read_network(one), of_other = read_network(other);
  for (const auto& [name, value] : of_one) {
    if (name == "convolution1.bias") continue;
    EXPECT_LT((value - of_other.at(name)).abs().max().item<double>(), 2e-3) << name;
  }
}

TEST_F(MyModelOnGpu, TrainsToTheParametersOfTheCpu) {
  const std::string folder = testing::TempDir();
  run({"--cpu", "--save=" + folder + "/cpu.pt"});
  run({"--save=" + folder + "/gpu.pt"});
  expect_close(folder + "/cpu.pt", folder + "/gpu.pt");
}

// Not to the same bits: convolutions may add up in any order.
TEST_F(MyModelOnGpu, TrainsToTheSameParametersWhenItsStepIsCaptured) {
  const std::string folder = testing::TempDir();
  run({"--save=" + folder + "/plain.pt"});
  run({"--capture", "--save=" + folder + "/captured.pt"});
  expect_close(folder + "/plain.pt", folder + "/captured.pt");
}

TEST_F(MyModelOnGpu, CapturesItsStepInEveryPrecision) {
  for (const std::string precision : {"no", "fp16", "bf16"}) {
    const ProgramEnd end = run({"--capture", "--mixed_precision=" + precision});
    EXPECT_EQ(end.errors.find("is not captured"), std::string::npos) << end.errors;
  }
}

class MyModelOnTwoGpus : public testing::Test {
 protected:
  void SetUp() override {
    const int count = torch::cuda::device_count();
    if (count < 2) GTEST_SKIP() << "two GPUs are needed, and here are " << count;
  }
};

TEST_F(MyModelOnTwoGpus, TrainsOneModel) {
  for (const std::string precision : {"no", "fp16", "bf16"}) {
    const ProgramEnd end = run({"--num_processes=2", "--mixed_precision=" + precision});
    const std::regex report("digest ([0-9]+)");
    std::set<std::string> digests;
    for (auto match = std::sregex_iterator(end.output.begin(), end.output.end(), report);
         match != std::sregex_iterator(); ++match) {
      digests.insert((*match)[1]);
    }
    EXPECT_EQ(digests.size(), 1u) << end.output;
  }
}

// Within a collective of NCCL, which by itself would wait for half an hour.
TEST_F(MyModelOnTwoGpus, EndsWithTheNameOfARankThatWasKilled) {
  const std::string script =
      "if [ $RANK = 1 ]; then exec timeout --signal=KILL 20 $MY_MODEL --epochs=100000; fi; "
      "exec $MY_MODEL --epochs=100000";
  const ProgramEnd end =
      launcher::run_to_end({.arguments = {std::getenv("ACCELERATE"), "launch", "--num_processes=2",
                                          "--no_python", "--", "sh", "-c", script}});
  EXPECT_NE(end.code, 0);
  EXPECT_NE(end.errors.find("rank 1"), std::string::npos) << end.errors;
  EXPECT_EQ(end.errors.find("rank 0"), std::string::npos) << end.errors;
}

}  // namespace
}  // namespace accelerate::train
