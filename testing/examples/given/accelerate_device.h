// What examples of accelerate/device take as given.
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/optimizer/rules/adam.h"
#include "kernels/step/step.h"

extern at::Device device;
void take_it_back();
// ---- device_moment.h
extern at::Tensor host, values;
void launch_next_step();
void write(const at::Tensor& values);
// ---- device_value.h
extern kernels::StepInputs inputs;
void begin_step(at::Device device, const kernels::StepInputs& inputs, kernels::Step* step);
// ---- gpu_kernels.h
extern std::vector<kernels::NormPiece> gradients;
extern std::vector<kernels::OptimizerPiece<kernels::Adam>> pieces;
extern void* scratch;
extern kernels::NormResult* norm;
extern kernels::LossScale* scale;
extern kernels::Step* step;
extern kernels::AdamOptions* groups;
extern kernels::OptimizerSlot<kernels::Adam>* slots;
// ---- graph.h
extern at::Tensor batch;
void step(const at::Tensor& batch);
// ---- host_copy.h
extern at::Tensor flag;
void launch_next_step();
