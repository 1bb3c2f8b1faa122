// What examples of kernels/linear take as given.
#include "kernels/linear/linear_problem.h"

// ---- linear.h
absl::Status plain_linear();
extern const float *x, *w, *b;
extern float *y;
extern int device;
extern void *stream, *workspace;
// ---- matmul.h
extern LinearProblem problem;
extern cublasLtHandle_t handle;
extern const float *weight, *input, *bias;
extern float *output;
extern LinearGpu gpu;
// ---- matmul_layout.h
extern LinearProblem problem;
