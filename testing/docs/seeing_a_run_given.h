// What the examples of docs/seeing_a_run.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include <torch/torch.h>

#include "accelerate/accelerate.h"

extern accelerate::Accelerator<accelerate::Cpu, accelerate::Fp32> accelerator;
extern accelerate::DataLoader<accelerate::TensorDataset> loader;
extern at::Tensor loss;
extern double lr;
extern int64_t step;
extern int epoch, empty, files, n;
double train(const torch::data::Example<>& batch);
void train(accelerate::DataLoader<accelerate::TensorDataset>& loader);
void evaluate(const torch::data::Example<>& batch);
int64_t read_tokens();
class MyTracker final : public accelerate::Tracker {
 public:
  std::string_view name() const override;
  void start(const accelerate::TrackedRun& run) override;
  void log(const accelerate::metrics::Record& record) override;
};
