#include "accelerate/capture/input_changes.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "accelerate/capture/step_key.h"

namespace accelerate {
namespace {

int64_t version_of(const at::Tensor& tensor) {
  return tensor.defined() && !tensor.is_inference() ? tensor._version() : 0;
}

// Whether the bytes of the values are others.
bool differ(const at::Tensor& one, const at::Tensor& other) {
  if (!is_dense(one) || !is_dense(other) || !one.is_cpu() || one.sizes() != other.sizes())
    return false;
  c10::AutoGradMode no_grad(false);
  const at::Tensor a = one.detach().resolve_conj().resolve_neg().contiguous();
  const at::Tensor b = other.detach().resolve_conj().resolve_neg().contiguous();
  return a.nbytes() > 0 && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) != 0;
}

}  // namespace

InputChanges::InputChanges(std::vector<at::Tensor> worked_on) : worked_on_(std::move(worked_on)) {
  for (const at::Tensor& tensor : worked_on_) {
    versions_.push_back(version_of(tensor));
    places_.push_back(is_dense(tensor) ? std::optional<TensorPlace>(tensor) : std::nullopt);
  }
}

std::vector<size_t> InputChanges::versions_raised() const {
  std::vector<size_t> raised;
  for (size_t i = 0; i < worked_on_.size(); ++i) {
    if (version_of(worked_on_[i]) != versions_[i]) raised.push_back(i);
  }
  return raised;
}

std::vector<size_t> InputChanges::written(const std::vector<at::Tensor>& inputs,
                                          const std::vector<size_t>& others) const {
  std::vector<size_t> written = versions_raised();
  const auto is_among = [](const std::vector<size_t>& all, size_t i) {
    return std::find(all.begin(), all.end(), i) != all.end();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!is_among(written, i) && (is_among(others, i) || differ(inputs[i], worked_on_[i])))
      written.push_back(i);
  }
  return written;
}

bool InputChanges::has_moved(size_t i) const {
  return places_[i] && !places_[i]->is_of(worked_on_[i]);
}

std::optional<size_t> InputChanges::first_moved() const {
  for (size_t i = 0; i < worked_on_.size(); ++i) {
    if (has_moved(i)) return i;
  }
  return std::nullopt;
}

void InputChanges::move_along(const std::vector<at::Tensor>& inputs) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    at::Tensor input = inputs[i];
    if (has_moved(i)) input.set_data(worked_on_[i].detach());
  }
}

std::optional<std::string> obstacle_of(const std::vector<at::Tensor>& inputs,
                                       const std::vector<at::Tensor>& worked_on,
                                       const std::vector<size_t>& written) {
  for (size_t i = 0; i < worked_on.size(); ++i) {
    if (worked_on[i].defined() && worked_on[i].requires_grad())
      return c10::str("it makes input ", i,
                      " require grad, but a replay would not leave a gradient there; let it use "
                      "detach() of the input instead");
  }
  for (const size_t i : written) {
    for (const at::Tensor& other : inputs) {
      if (other.defined() && !other.is_same(inputs[i]) && share_memory(other, inputs[i]))
        return c10::str("it writes input ", i,
                        " in place, but that shares its memory with another input; let it write "
                        "a clone()");
    }
  }
  return std::nullopt;
}

}  // namespace accelerate
