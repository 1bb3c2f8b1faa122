// A run with everything that has a state, and folders of files, for tests of checkpoints.
//
// Part of the tests of this folder; not for others.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"

namespace accelerate {

// Makes a new folder on rank 0; returns its path on all ranks.
template <class Accelerator>
std::string new_folder(Accelerator& accelerator) {
  std::string folder;
  if (accelerator.is_main_process()) {
    folder = std::string(std::getenv("TEST_TMPDIR")) + "/run_XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
  }
  return accelerator.broadcast_object(folder);
}

inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != ".lock") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void flip_byte(const std::string& path, int64_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

// A run with everything that has a state.
template <class Accelerator>
struct WholeRun {
  explicit WholeRun(uint64_t seed, const CheckpointOptions& checkpoints = {},
                    int64_t batch_size = 2)
      : accelerator({.gradient_accumulation_steps = 3,
                     .loss_scale = {.init_scale = 8, .growth_interval = 2},
                     .checkpoints = checkpoints}),
        net(made(seed)),
        adamw(net->parameters(), torch::optim::AdamWOptions(0.1).amsgrad(true)),
        schedule(adamw, {.step_size = 2, .gamma = 0.5}),
        model(accelerator.prepare(net)),
        optimizer(accelerator.prepare(adamw)),
        scheduler(accelerator.prepare(schedule)),
        loader(accelerator.prepare(
            DataLoader(Line(96, at::kFloat), {.batch_size = batch_size, .shuffle = true}))) {}

  static torch::nn::Sequential made(uint64_t seed) {
    torch::manual_seed(seed);
    return torch::nn::Sequential(torch::nn::Linear(1, 8), torch::nn::BatchNorm1d(8),
                                 torch::nn::Dropout(0.25), torch::nn::Linear(8, 1));
  }

  // Trains until the run has made this many updates; then saves, if `saves`.
  void train(int64_t updates, bool saves = false) {
    while (accelerator.progress().step < updates) {
      for (auto& batch : loader) {
        auto window = accelerator.accumulate(model);
        optimizer.zero_grad();
        const at::Tensor loss = torch::mse_loss(model(batch.data), batch.target);
        losses.push_back(loss.template item<double>());
        accelerator.backward(loss);
        accelerator.clip_grad_norm(model, 1.0);
        optimizer.step();
        scheduler.step();
        if (!accelerator.sync_gradients()) continue;
        if (++accelerator.progress().step < updates) continue;
        if (saves) accelerator.save_state();
        return;
      }
      accelerator.progress().next_epoch();
    }
  }

  Accelerator accelerator;
  torch::nn::Sequential net;
  torch::optim::AdamW adamw;
  StepLR schedule;
  PreparedModel<torch::nn::SequentialImpl> model;
  PreparedOptimizer optimizer;
  PreparedScheduler scheduler;
  DataLoader<Line> loader;
  std::vector<double> losses;
};

template <class WholeRun>
void expect_same(WholeRun& a, WholeRun& b) {
  EXPECT_EQ(largest_difference(*a.net, *b.net), 0);
  for (size_t i = 0; i < a.net->buffers().size(); ++i)
    EXPECT_TRUE(torch::equal(a.net->buffers()[i], b.net->buffers()[i]));
  const auto of_a = a.net->parameters(), of_b = b.net->parameters();
  for (size_t i = 0; i < of_a.size(); ++i) {
    const auto& state_a = static_cast<torch::optim::AdamWParamState&>(
        *a.adamw.state().at(of_a[i].unsafeGetTensorImpl()));
    const auto& state_b = static_cast<torch::optim::AdamWParamState&>(
        *b.adamw.state().at(of_b[i].unsafeGetTensorImpl()));
    EXPECT_EQ(state_a.step(), state_b.step());
    EXPECT_TRUE(torch::equal(state_a.exp_avg(), state_b.exp_avg()));
    EXPECT_TRUE(torch::equal(state_a.exp_avg_sq(), state_b.exp_avg_sq()));
    EXPECT_TRUE(torch::equal(state_a.max_exp_avg_sq(), state_b.max_exp_avg_sq()));
  }
  EXPECT_EQ(a.adamw.param_groups()[0].options().get_lr(),
            b.adamw.param_groups()[0].options().get_lr());
  EXPECT_EQ(a.accelerator.loss_scale(), b.accelerator.loss_scale());
  EXPECT_EQ(a.accelerator.progress().step, b.accelerator.progress().step);
  EXPECT_EQ(a.accelerator.progress().epoch, b.accelerator.progress().epoch);
}

}  // namespace accelerate
