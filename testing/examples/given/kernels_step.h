// What examples of kernels/step take as given.

extern NormResult* norm;
extern LossScale* loss_scale;
extern Step* step;
// ---- step.h
void update(double gradient_factor);
// ---- step_cuda.h
extern std::span<const OptimizerPiece<Adam>> pieces;
extern AdamOptions* groups;
extern OptimizerSlot<Adam>* slots;
extern cudaStream_t stream;
