// What examples of kernels/optimizer take as given.
#include "kernels/norm/norm_piece.h"
#include "kernels/optimizer/optimizer_chunk.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/optimizer/rules/adam.h"

extern float *p, *g, *exp_avg, *exp_avg_sq, *sum, *square_avg, *momentum_buffer;
// ---- optimizer_chunk.h
extern AdamOptions options;
extern OptimizerPiece<Adam> piece;
extern Chunk chunk;
extern Step* step;
Worker this_worker();
// ---- optimizer_cuda.h
struct Stream;
extern Stream* stream;
extern std::span<const NormPiece> gradients;
extern void* scratch;
extern NormResult* norm;
extern LossScale* loss_scale;
extern std::span<const OptimizerPiece<Adam>> pieces;
extern AdamOptions* groups;
extern OptimizerSlot<Adam>* slots;
extern Step* step;
int norm_cuda(std::span<const NormPiece> pieces, void* scratch, NormResult* norm, Stream* stream);
int begin_step_cuda(const StepInputs& inputs, Step* step, Stream* stream);
// ---- optimizer_step.h
extern double loss_scale;
extern int64_t step;
