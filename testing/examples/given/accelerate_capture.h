// What examples of accelerate/capture take as given.
#include "accelerate/core/accelerator.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/session.h"
#include "accelerate/main/main.h"
#include "accelerate/optim/schedulers.h"
#include "accelerate/process/stop_request.h"
#include "gtest/gtest.h"

extern Accelerator<MultiCpu, Fp32> accelerator;
extern torch::nn::Sequential net;
extern torch::optim::AdamW adamw;
extern torch::optim::SGD sgd;
extern at::Device device;
extern at::Tensor loss;
extern torch::data::Example<> batch;
extern PreparedModel<torch::nn::SequentialImpl> model;
extern PreparedOptimizer optimizer;
extern PreparedScheduler scheduler;
at::Tensor loss_of(const at::Tensor& output, const at::Tensor& target);
void train_a_step();
void record_anew();
// ---- captured_step.h
extern std::vector<torch::data::Example<>> loader;
extern at::Tensor total;
// ---- dropout_rates.h
extern std::vector<std::shared_ptr<torch::nn::Module>> modules;
// ---- graph_replay.h
extern std::shared_ptr<Session> session;
// ---- replay.h
std::unique_ptr<Replay> make();
extern std::vector<at::Tensor> recorded, inputs;
void call();
// ---- tape_replay.h
extern std::shared_ptr<Session> session;
