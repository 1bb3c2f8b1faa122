#include "accelerate/report/flop_counter.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace accelerate::internal {
namespace {

using Inputs = c10::ArrayRef<const c10::IValue>;
using Sizes = c10::IntArrayRef;

// A callback has no state of its own.
std::atomic<double> counted = 0;

double product(Sizes sizes) {
  double result = 1;
  for (const int64_t size : sizes) result *= static_cast<double>(size);
  return result;
}

Sizes sizes_of(const Inputs& inputs, size_t index) {
  if (index >= inputs.size() || !inputs[index].isTensor() || !inputs[index].toTensor().defined())
    return {};
  return inputs[index].toTensor().sizes();
}

// [.., m, k] times [.., k, n], of whichever inputs these are.
template <size_t kFirst>
double matrix_product(const Inputs& inputs) {
  const Sizes a = sizes_of(inputs, kFirst), b = sizes_of(inputs, kFirst + 1);
  if (a.empty() || b.empty()) return 0;
  return 2 * product(a) * (b.size() > 1 ? static_cast<double>(b.back()) : 1);
}

// [rows, in] by a weight of [out, in].
double linear(const Inputs& inputs) {
  const Sizes input = sizes_of(inputs, 0), weight = sizes_of(inputs, 1);
  return weight.empty() ? 0 : 2 * product(input) * static_cast<double>(weight.front());
}

// Of each place of `at_places`, a filter over it.
double filters(Sizes at_places, Sizes weight) {
  if (at_places.size() < 3 || weight.size() < 3) return 0;
  return 2 * static_cast<double>(at_places[0]) * product(at_places.slice(2)) * product(weight);
}

// convolution(input, weight, bias, stride, padding, dilation, transposed, ...)
double convolution(const Inputs& inputs) {
  const Sizes input = sizes_of(inputs, 0), weight = sizes_of(inputs, 1);
  if (inputs.size() < 7 || input.size() < 3 || weight.size() != input.size()) return 0;
  if (inputs[6].toBool()) return filters(input, weight);
  const std::vector<int64_t> stride = inputs[3].toIntVector(), padding = inputs[4].toIntVector(),
                             dilation = inputs[5].toIntVector();
  std::vector<int64_t> output = {input[0], weight[0]};
  for (size_t i = 2; i < input.size(); ++i) {
    const auto of = [i](const std::vector<int64_t>& values) {
      return values.size() == 1 ? values[0] : values.at(i - 2);
    };
    output.push_back(
        (input[i] + 2 * of(padding) - of(dilation) * (weight[i] - 1) - 1) / of(stride) + 1);
  }
  return filters(output, weight);
}

// convolution_backward(grad_output, input, weight, bias_sizes, stride, padding, dilation,
// transposed, output_padding, groups, output_mask)
double convolution_backward(const Inputs& inputs) {
  if (inputs.size() < 11) return 0;
  const bool is_transposed = inputs[7].toBool();
  const double once = filters(sizes_of(inputs, is_transposed ? 1 : 0), sizes_of(inputs, 2));
  const auto mask = inputs[10].toBoolList();
  return once * ((mask[0] ? 1 : 0) + (mask[1] ? 1 : 0));
}

// Queries [batch, heads, m, d], keys [.., n, d], values [.., n, v], from this input on: `qk`
// products of the first kind and `av` of the second.
template <size_t kFirst>
double attention(const Inputs& inputs, double qk, double av) {
  const Sizes query = sizes_of(inputs, kFirst), key = sizes_of(inputs, kFirst + 1),
              value = sizes_of(inputs, kFirst + 2);
  if (query.size() != 4 || key.size() != 4 || value.size() != 4) return 0;
  const double scores = static_cast<double>(query[0]) * static_cast<double>(query[1]) *
                        static_cast<double>(query[2]) * static_cast<double>(key[2]);
  return 2 * scores * (qk * static_cast<double>(query[3]) + av * static_cast<double>(value[3]));
}
template <size_t kFirst>
double attention_forward(const Inputs& inputs) {
  return attention<kFirst>(inputs, 1, 1);
}
// The scores anew, and gradients of scores, values, queries and keys.
template <size_t kFirst>
double attention_backward(const Inputs& inputs) {
  return attention<kFirst>(inputs, 3, 2);
}

using Formula = double (*)(const Inputs&);

const std::unordered_map<std::string_view, Formula>& formulas() {
  static const std::unordered_map<std::string_view, Formula> all = {
      {"aten::mm", matrix_product<0>},
      {"aten::bmm", matrix_product<0>},
      {"aten::mv", matrix_product<0>},
      {"aten::addmm", matrix_product<1>},
      {"aten::addmv", matrix_product<1>},
      {"aten::baddbmm", matrix_product<1>},
      {"aten::_addmm_activation", matrix_product<1>},
      // Of accelerate::nn::FusedLinear on a GPU, which calls cuBLASLt by itself.
      {"accelerate::linear_forward", linear},
      {"accelerate::linear_weight_gradient", linear},
      {"aten::convolution", convolution},
      {"aten::convolution_backward", convolution_backward},
      {"aten::_scaled_dot_product_flash_attention", attention_forward<0>},
      {"aten::_scaled_dot_product_efficient_attention", attention_forward<0>},
      {"aten::_scaled_dot_product_cudnn_attention", attention_forward<0>},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", attention_forward<0>},
      {"aten::_scaled_dot_product_flash_attention_backward", attention_backward<1>},
      {"aten::_scaled_dot_product_efficient_attention_backward", attention_backward<1>},
      {"aten::_scaled_dot_product_cudnn_attention_backward", attention_backward<1>},
      {"aten::_scaled_dot_product_flash_attention_for_cpu_backward", attention_backward<1>},
  };
  return all;
}

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& function) {
  const auto formula = formulas().find(function.name());
  if (formula == formulas().end()) return nullptr;
  double flops = 0;
  try {
    flops = formula->second(function.inputs());
  } catch (const std::exception&) {
    // An operator of another LibTorch, with other inputs, is left out of the count.
  }
  counted.fetch_add(flops, std::memory_order_relaxed);
  return nullptr;
}

}  // namespace

FlopCounter::FlopCounter() {
  counted = 0;
  callback_ = at::addGlobalCallback(
      at::RecordFunctionCallback(&count).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
}

FlopCounter::~FlopCounter() { at::removeCallback(callback_); }

double FlopCounter::flops() const { return counted.load(); }

}  // namespace accelerate::internal
