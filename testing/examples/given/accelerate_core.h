// What examples of accelerate/core take as given.
#include "accelerate/core/accelerator.h"
#include "accelerate/core/model_set.h"
#include "accelerate/core/session.h"
#include "accelerate/data/tensor_dataset.h"
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
extern torch::nn::Sequential encoder;
extern at::Tensor features, x;
// ---- accelerator_options.h
template <class Accelerator>
void train(Accelerator& accelerator);
// ---- accumulation.h
extern int64_t batches_left;
// ---- captured_step.h
extern std::vector<torch::data::Example<>> loader;
extern at::Tensor total;
// ---- dropout_rates.h
extern std::vector<std::shared_ptr<torch::nn::Module>> modules;
// ---- exchange.h
extern Communicator& communicator;
// ---- graph_replay.h
extern std::shared_ptr<Session> session;
// ---- live.h
extern std::vector<std::weak_ptr<ModelState>> known_models;
// ---- prepared_model.h
extern at::Tensor images;
// ---- prepared_optimizer.h
extern at::Tensor data, target;
// ---- prepared_scheduler.h
extern CosineDecay cosine;
// ---- session.h
extern AcceleratorOptions options;
void write_log(const AcceleratorOptions& options);
// ---- step_outcomes.h
extern at::Tensor overflow;
void take_the_count_back();
void warn_of_overflow();
// ---- step_recording.h
extern Session& session;
extern GraphRecorder& graphs;
extern std::unique_ptr<Graph> graph;
void step();
// ---- step_replay.h
std::unique_ptr<StepReplay> make();
extern std::vector<at::Tensor> recorded, inputs;
void call();
// ---- stop_agreement.h
extern std::shared_ptr<Communicator> communicator;
// ---- tape_replay.h
extern std::shared_ptr<Session> session;
