// What examples of accelerate/device take as given.
#include "kernels/step/step.h"

extern at::Device device;
void take_it_back();
// ---- device_value.h
extern kernels::StepInputs inputs;
void begin_step(at::Device device, const kernels::StepInputs& inputs, kernels::Step* step);
// ---- gpu_kernels.h
extern std::vector<kernels::NormPiece> pieces;
extern void* scratch;
extern kernels::NormResult* norm;
extern kernels::LossScale* scale;
extern kernels::Step* step;
extern std::vector<kernels::AdamPiece> parameters;
extern kernels::AdamOptions* groups;
extern kernels::AdamSlot* slots;
// ---- graph.h
extern at::Tensor batch;
void step(const at::Tensor& batch);
// ---- host_copy.h
extern at::Tensor flag;
void launch_next_step();
