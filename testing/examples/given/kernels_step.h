// What examples of kernels/step take as given.

extern NormResult* norm;
extern LossScale* loss_scale;
extern Step* step;
// ---- step.h
void update(double gradient_factor);
// ---- step_cuda.h
extern std::span<const AdamPiece> pieces;
extern AdamOptions* groups;
extern AdamSlot* slots;
extern cudaStream_t stream;
