// What examples of accelerate/engine take as given.
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
// ---- accelerator_options.h
template <class Accelerator>
void train(Accelerator& accelerator);
// ---- accumulation.h
extern ActiveLoaders loaders;
// ---- live.h
extern std::vector<std::weak_ptr<ModelState>> known_models;
// ---- session.h
extern AcceleratorOptions options;
void write_log(const AcceleratorOptions& options);
// ---- step_outcomes.h
extern at::Tensor overflow;
void take_the_count_back();
void warn_of_overflow();
// ---- stop_agreement.h
extern std::shared_ptr<Communicator> communicator;
