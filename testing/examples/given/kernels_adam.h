// What examples of kernels/adam take as given.
#include "kernels/step/step.h"

using T = float;
extern float *p, *g, *m, *v;
extern float *gradient, *parameter, *exp_avg, *exp_avg_sq, unused;
extern double gradient_factor;
// ---- adam.h
extern double loss_scale;
extern int64_t step;
// ---- adam_chunk.h
extern AdamOptions options;
extern int64_t step;
extern PieceTable<AdamPiece> table;
extern Chunk chunk;
Worker this_worker();
// ---- adam_cuda.h
extern std::span<const NormPiece> gradients;
extern std::span<const AdamPiece> pieces;
extern AdamOptions* groups;
extern AdamSlot* slots;
extern void* scratch;
extern NormResult* norm;
extern LossScale* loss_scale;
extern Step* step;
extern cudaStream_t stream;
// ---- adam_element.h
extern AdamOptions options;
extern int64_t step;
// ---- adam_slot.h
extern AdamOptions* options;
extern AdamPiece piece;
extern AdamSlot* slots;
extern Step* step;
