// What examples of accelerate/core take as given.
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
// ---- accelerator.h
extern DataLoader<TensorDataset> data_loader;
extern std::vector<torch::data::Example<>> loader;
void train_on(const torch::data::Example<>& batch);
extern torch::nn::Sequential encoder;
extern at::Tensor features, x;
struct Summary {
  std::string name;
  double loss;
};
extern std::vector<std::string> prompts;
void generate(const std::string& prompt);
bool is_bad(const at::Tensor& loss);
extern torch::nn::Linear ema;
extern int64_t step;
// ---- exchange.h
extern Communicator& communicator;
// ---- find_executable_batch_size.h
void train_on_batches_of(int64_t size);
// ---- prepared_model.h
extern at::Tensor images;
// ---- prepared_optimizer.h
extern at::Tensor data, target;
// ---- prepared_scheduler.h
extern CosineDecay cosine;
// ---- release_memory.h
extern at::Tensor images;
