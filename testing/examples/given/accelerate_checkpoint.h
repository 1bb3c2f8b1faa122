// What examples of accelerate/checkpoint take as given.
#include "accelerate/checkpoint/checkpointer.h"
#include "accelerate/checkpoint/model_files.h"
#include "accelerate/checkpoint/registered_object.h"
#include "accelerate/core/accelerator.h"
#include "accelerate/main/main.h"

extern Accelerator<MultiCpu, Fp32> accelerator;
extern torch::nn::Sequential net;
extern at::Device device;
// ---- checkpoint_options.h
template <class Accelerator>
void train(Accelerator& accelerator);
// ---- checkpointer.h
extern Checkpointer::Run run;
// ---- model_files.h
using internal::load_model_files;
using internal::save_model_files;
// ---- progress.h
extern int64_t epochs;
extern std::vector<torch::data::Example<>> loader;
void train_on(const torch::data::Example<>& batch);
// ---- registered_object.h
extern torch::nn::Linear ema;
