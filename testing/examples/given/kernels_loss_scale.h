// What examples of kernels/loss_scale take as given.
#include "kernels/norm/norm_piece.h"

// ---- loss_scale.h
extern NormResult norm;
// ---- loss_scale_cuda.h
extern LossScale* loss_scale;
extern cudaStream_t stream;
