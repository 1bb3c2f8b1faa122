// What examples of accelerate/gradients take as given.
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/layout/flat_parameters.h"
#include "accelerate/main/main.h"
#include "kernels/step/step.h"

extern accelerate::Communicator& communicator;
extern torch::nn::Linear net;
extern at::Tensor loss;
// ---- gradient_norm.h
extern std::vector<at::Tensor> gradients;
extern kernels::Step step;
using kernels::begin_step;
// ---- gradient_options.h
template <class Accelerator>
void train(Accelerator& accelerator);
// ---- gradient_presence.h
extern GradientPresence& presence;
// ---- gradient_reducer.h
extern FlatParameters flat;
// ---- gradient_sync.h
extern std::unique_ptr<GradientSync> sync;
// ---- gradient_facts.h
extern GradientFacts& facts;
extern std::vector<at::Tensor> gradients;
extern kernels::Step step;
using kernels::begin_step;
// ---- strategy_gradients.h
extern GradientOptions options;
