// What examples of kernels/sgd take as given.
#include "kernels/step/step.h"

using T = float;
extern float *p, *g, *b;
extern float *gradient, *parameter, *momentum_buffer;
extern double gradient_factor;
extern bool first_step;
// ---- sgd.h
extern double loss_scale;
extern int64_t step;
// ---- sgd_chunk.h
extern SgdOptions options;
extern PieceTable<SgdPiece> table;
extern Chunk chunk;
Worker this_worker();
// ---- sgd_cuda.h
extern std::span<const SgdPiece> pieces;
extern SgdOptions* groups;
extern SgdSlot* slots;
extern NormResult* norm;
extern LossScale* loss_scale;
extern Step* step;
extern cudaStream_t stream;
// ---- sgd_element.h
extern SgdOptions options;
// ---- sgd_slot.h
extern SgdOptions* options;
extern SgdPiece piece;
extern SgdSlot* slots;
extern Step* step;
