// What examples of kernels/cuda_test take as given.
#include "gtest/gtest.h"
#include "kernels/pack/pack_cuda.h"

extern std::span<const PackPiece> pieces;
// ---- cuda_test.h
using PackCudaTest = CudaTest;
extern TestArray<float> host, expected;
