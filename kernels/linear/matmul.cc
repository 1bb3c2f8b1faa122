#include "kernels/linear/matmul.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "kernels/linear/matmul_layout.h"

namespace accelerate::kernels {
namespace {

constexpr int kAlignment = 16;

cudaDataType_t data_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
      return CUDA_R_32F;
    case ElementType::kDouble:
      return CUDA_R_64F;
    case ElementType::kHalf:
      return CUDA_R_16F;
    case ElementType::kBFloat16:
      return CUDA_R_16BF;
  }
  __builtin_unreachable();
}

cublasLtEpilogue_t forward_epilogue(const LinearProblem& problem) {
  switch (problem.activation) {
    case Activation::kNone:
      return problem.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    case Activation::kRelu:
      // No bit mask: the output itself shows where it was above 0.
      return problem.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    case Activation::kGeluTanh:
      if (problem.keeps_gelu_input())
        return problem.bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
      return problem.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
  }
  __builtin_unreachable();
}

cublasLtEpilogue_t epilogue(const LinearProblem& problem, Product product) {
  if (product == Product::kForward) return forward_epilogue(problem);
  return problem.bias ? CUBLASLT_EPILOGUE_BGRADB : CUBLASLT_EPILOGUE_DEFAULT;
}

cublasStatus_t init(cublasLtMatrixLayoutOpaque_t& matrix, cudaDataType_t type, bool transposed,
                    int64_t rows, int64_t columns, int64_t leading_dimension) {
  return cublasLtMatrixLayoutInit(&matrix, type, transposed ? columns : rows,
                                  transposed ? rows : columns, leading_dimension);
}

cublasStatus_t init(cublasLtMatmulPreferenceOpaque_t& preference) {
  cublasStatus_t status = cublasLtMatmulPreferenceInit(&preference);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    if (status == CUBLAS_STATUS_SUCCESS)
      status = cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value));
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{kLinearWorkspaceBytes});
  // Without this cuBLASLt takes for granted that arrays begin at multiples of 256 bytes.
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(attribute, uint32_t{kAlignment});
  }
  return status;
}

}  // namespace

absl::Status cublas_status(cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cuBLASLt failed in a linear layer with ",
                                          cublasLtGetStatusString(status),
                                          "; use torch::nn::Linear and report the sizes"));
}

template <class T>
void Matmul::set(cublasLtMatmulDescAttributes_t attribute, T value) {
  note(cublasLtMatmulDescSetAttribute(&operation_, attribute, &value, sizeof(value)));
}

Matmul::Matmul(const LinearProblem& problem, Product product)
    : has_bias_(problem.bias),
      keeps_gelu_input_(product == Product::kForward && problem.keeps_gelu_input()) {
  const MatmulLayout layout =
      product == Product::kForward ? forward_layout(problem) : weight_gradient_layout(problem);
  const bool tf32 = problem.type == ElementType::kFloat && problem.allow_tf32;
  note(cublasLtMatmulDescInit(&operation_, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                              CUDA_R_32F));
  set(CUBLASLT_MATMUL_DESC_TRANSA, layout.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB, layout.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue(problem, product));
  if (keeps_gelu_input_) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, layout.ldd);
  const cudaDataType_t type = data_type(problem.type);
  note(init(a_, type, layout.transpose_a, layout.m, layout.k, layout.lda));
  note(init(b_, type, layout.transpose_b, layout.k, layout.n, layout.ldb));
  note(init(d_, type, /*transposed=*/false, layout.m, layout.n, layout.ldd));
}

absl::StatusOr<cublasLtMatmulAlgo_t> Matmul::find_algorithm(cublasLtHandle_t handle) {
  // The heuristic asks where arrays are, and does not look into them.
  void* const somewhere = reinterpret_cast<void*>(kAlignment);
  set_epilogue_arrays(somewhere, somewhere);
  cublasLtMatmulPreferenceOpaque_t preference = {};
  note(init(preference));
  if (first_error_ != CUBLAS_STATUS_SUCCESS) return cublas_status(first_error_);
  cublasLtMatmulHeuristicResult_t result = {};
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle, &operation_, &a_, &b_, &d_, &d_, &preference, 1, &result, &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && count == 0))
    return absl::UnimplementedError("cuBLASLt has no algorithm for this linear layer on this GPU");
  if (status != CUBLAS_STATUS_SUCCESS) return cublas_status(status);
  return result.algo;
}

absl::Status Matmul::run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm,
                         const MatmulArrays& arrays, const LinearGpu& gpu) {
  set_epilogue_arrays(arrays.bias, arrays.gelu_input);
  if (first_error_ != CUBLAS_STATUS_SUCCESS) return cublas_status(first_error_);
  const float one = 1, zero = 0;
  return cublas_status(cublasLtMatmul(
      handle, &operation_, &one, arrays.a, &a_, arrays.b, &b_, &zero, arrays.d, &d_, arrays.d, &d_,
      &algorithm, gpu.workspace, kLinearWorkspaceBytes, static_cast<cudaStream_t>(gpu.stream)));
}

void Matmul::note(cublasStatus_t status) {
  if (first_error_ == CUBLAS_STATUS_SUCCESS) first_error_ = status;
}

void Matmul::set_epilogue_arrays(const void* bias, void* gelu_input) {
  if (has_bias_) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  if (keeps_gelu_input_) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, gelu_input);
}

}  // namespace accelerate::kernels
