#include "kernels/linear/linear.h"

#include <cublasLt.h>

#include <map>
#include <mutex>
#include <tuple>

#include "absl/status/statusor.h"
#include "kernels/linear/matmul.h"

namespace accelerate::kernels {
namespace {

struct Found {
  cublasLtHandle_t handle;
  cublasLtMatmulAlgo_t algorithm;
};

// What cuBLASLt said about each product on each device, which takes it longer than a small product.
class Algorithms {
 public:
  absl::StatusOr<Found> find(const LinearProblem& problem, Product product, int device) {
    const std::lock_guard lock(mutex_);
    cublasLtHandle_t& handle = handles_[device];
    if (handle == nullptr) {
      const absl::Status created = cublas_status(cublasLtCreate(&handle));
      if (!created.ok()) return created;
    }
    const auto key = std::make_tuple(device, product, problem);
    auto known = algorithms_.find(key);
    if (known == algorithms_.end()) {
      known = algorithms_.emplace(key, Matmul(problem, product).find_algorithm(handle)).first;
    }
    if (!known->second.ok()) return known->second.status();
    return Found{handle, *known->second};
  }

 private:
  std::mutex mutex_;
  std::map<int, cublasLtHandle_t> handles_;
  std::map<std::tuple<int, Product, LinearProblem>, absl::StatusOr<cublasLtMatmulAlgo_t>>
      algorithms_;
};

// Never destroyed: when a program ends, CUDA may be gone before.
Algorithms& algorithms() {
  static auto& all = *new Algorithms;
  return all;
}

absl::Status run(const LinearProblem& problem, Product product, const MatmulArrays& arrays,
                 const LinearGpu& gpu) {
  const absl::StatusOr<Found> found = algorithms().find(problem, product, gpu.device);
  if (!found.ok()) return found.status();
  return Matmul(problem, product).run(found->handle, found->algorithm, arrays, gpu);
}

}  // namespace

absl::Status find_linear(const LinearProblem& problem, int device) {
  absl::Status status = check_linear(problem);
  if (status.ok()) status = algorithms().find(problem, Product::kForward, device).status();
  if (status.ok() && problem.backward)
    status = algorithms().find(problem, Product::kWeightGradient, device).status();
  return status;
}

absl::Status linear_forward(const LinearProblem& problem, const LinearForward& arrays,
                            const LinearGpu& gpu) {
  return run(problem, Product::kForward,
             {.a = arrays.weight,
              .b = arrays.input,
              .d = arrays.output,
              .bias = arrays.bias,
              .gelu_input = arrays.gelu_input},
             gpu);
}

absl::Status linear_weight_gradient(const LinearProblem& problem,
                                    const LinearWeightGradient& arrays, const LinearGpu& gpu) {
  return run(problem, Product::kWeightGradient,
             {.a = arrays.input,
              .b = arrays.sum_gradient,
              .d = arrays.weight_gradient,
              .bias = arrays.bias_gradient},
             gpu);
}

}  // namespace accelerate::kernels
