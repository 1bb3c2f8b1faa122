#include "accelerate/nn/gpu_linear.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/record_function.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "accelerate/layout/element_type.h"
#include "kernels/linear/linear.h"

namespace accelerate::internal {
namespace {

using kernels::Activation;
using kernels::LinearProblem;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check(const absl::Status& status) { TORCH_CHECK(status.ok(), std::string(status.message())); }

// Dense, its values in its memory, and begins at a multiple of 16 bytes.
at::Tensor aligned(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.resolve_neg().contiguous();
  const auto address = reinterpret_cast<std::uintptr_t>(dense.const_data_ptr());
  return address % 16 == 0 ? dense : dense.clone();
}

void* data(const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr() : nullptr; }

LinearProblem problem_of(const at::Tensor& input, const at::Tensor& weight, bool bias,
                         Activation activation, bool backward) {
  return {.type = *element_type(input.scalar_type()),
          .rows = c10::multiply_integers(input.sizes().slice(0, input.dim() - 1)),
          .in = weight.size(1),
          .out = weight.size(0),
          .bias = bias,
          .activation = activation,
          .backward = backward,
          // allowTF32CuBLAS() throws in a program that has set this by the newer functions alone.
          .allow_tf32 =
              at::globalContext().float32Precision(
                  at::Float32Backend::CUDA, at::Float32Op::MATMUL) == at::Float32Precision::TF32};
}

// Where the products of a scope run: on the current stream of a device.
class Gpu {
 public:
  explicit Gpu(c10::Device device)
      : guard_(device),
        // Its memory is free again when the scope ends, for what follows on the stream.
        workspace_(at::empty({static_cast<int64_t>(kernels::kLinearWorkspaceBytes)},
                             at::TensorOptions(device).dtype(at::kByte))),
        arguments_{
            .device = device.index(),
            .stream = c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle(),
            .workspace = workspace_.data_ptr()} {}

  const kernels::LinearGpu& arguments() const { return arguments_; }

 private:
  c10::DeviceGuard guard_;
  at::Tensor workspace_;
  kernels::LinearGpu arguments_;
};

// The gradient of the sums that the activation got; `kept` is what the forward pass kept for it.
at::Tensor sum_gradient(Activation activation, const at::Tensor& gradient, const at::Tensor& kept) {
  switch (activation) {
    case Activation::kNone:
      return gradient;
    case Activation::kRelu:
      return at::threshold_backward(gradient, kept, 0);
    case Activation::kGeluTanh:
      return at::gelu_backward(gradient, kept, "tanh");
  }
  __builtin_unreachable();
}

// Of matrices: input [rows, in] and output [rows, out].
struct FusedLinearFunction : torch::autograd::Function<FusedLinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const LinearProblem& problem) {
    // LibTorch knows nothing of these products, and whoever profiles or counts is to see them.
    RECORD_FUNCTION("accelerate::linear_forward", std::vector<c10::IValue>({input, weight}));
    const at::Tensor output = at::empty({problem.rows, problem.out}, input.options());
    const at::Tensor gelu_input =
        problem.keeps_gelu_input() ? at::empty_like(output) : at::Tensor();
    check(kernels::linear_forward(problem,
                                  {.input = data(input),
                                   .weight = data(weight),
                                   .bias = data(bias.value_or(at::Tensor())),
                                   .output = data(output),
                                   .gelu_input = data(gelu_input)},
                                  Gpu(input.device()).arguments()));
    const at::Tensor kept = problem.activation == Activation::kRelu ? output : gelu_input;
    context->save_for_backward({input, weight, kept});
    context->saved_data["bias"] = problem.bias;
    context->saved_data["activation"] = static_cast<int64_t>(problem.activation);
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "the gradients of a fused linear layer cannot be differentiated on a GPU; use "
                "torch::nn::Linear and a separate activation with create_graph");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1], &kept = saved[2];
    const bool bias = context->saved_data["bias"].toBool();
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    const at::Tensor sums = aligned(sum_gradient(activation, gradients[0], kept));

    at::Tensor input_gradient, weight_gradient, bias_gradient;
    if (context->needs_input_grad(0)) input_gradient = at::mm(sums, weight);
    if (context->needs_input_grad(1)) {
      RECORD_FUNCTION("accelerate::linear_weight_gradient",
                      std::vector<c10::IValue>({input, weight}));
      weight_gradient = at::empty_like(weight);
      if (bias) bias_gradient = at::empty({weight.size(0)}, weight.options());
      check(kernels::linear_weight_gradient(
          problem_of(input, weight, bias, activation, /*backward=*/true),
          {.input = data(input),
           .sum_gradient = data(sums),
           .weight_gradient = data(weight_gradient),
           .bias_gradient = data(bias_gradient)},
          Gpu(input.device()).arguments()));
    } else if (bias && context->needs_input_grad(2)) {
      bias_gradient = sums.sum(0);
    }
    return {input_gradient, weight_gradient, bias_gradient, at::Tensor()};
  }
};

// As autocast does it for linear.
at::Tensor cast(const at::Tensor& tensor) {
  if (!tensor.defined() || !at::autocast::is_autocast_enabled(at::kCUDA)) return tensor;
  return at::autocast::cached_cast(at::autocast::get_autocast_dtype(at::kCUDA), tensor, at::kCUDA);
}

bool is_like(const at::Tensor& tensor, const at::Tensor& other) {
  return tensor.device() == other.device() && tensor.scalar_type() == other.scalar_type();
}

}  // namespace

std::optional<at::Tensor> gpu_linear(const at::Tensor& input, const at::Tensor& weight,
                                     const at::Tensor& bias, Activation activation) {
  if (!input.is_cuda()) return std::nullopt;
  const at::Tensor x = cast(input), w = cast(weight), b = cast(bias);
  if (!element_type(x.scalar_type()) || !is_like(w, x) || (b.defined() && !is_like(b, x)))
    return std::nullopt;

  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::DispatchKey::AutocastCUDA);
  const c10::DeviceGuard guard(x.device());
  const bool backward = at::GradMode::is_enabled() && (x.requires_grad() || w.requires_grad() ||
                                                       (b.defined() && b.requires_grad()));
  const LinearProblem problem = problem_of(x, w, b.defined(), activation, backward);
  if (!kernels::find_linear(problem, x.device().index()).ok()) return std::nullopt;

  const at::Tensor output =
      FusedLinearFunction::apply(aligned(x.reshape({problem.rows, problem.in})), aligned(w),
                                 b.defined() ? std::optional(aligned(b)) : std::nullopt, problem);
  std::vector<int64_t> sizes(x.sizes().begin(), x.sizes().end() - 1);
  sizes.push_back(problem.out);
  return output.view(sizes);
}

}  // namespace accelerate::internal
