#include "accelerate/sharding/optimizer_parts.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <vector>

#include "accelerate/optim/optimizer_registry.h"
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/sharding/parts.h"

namespace accelerate::internal {
namespace {

constexpr const char* kRefusal =
    "the optimizer's state of a parameter is cut over the processes, and this process has only a "
    "part of it; save it with accelerator.save_state(), which writes all of it, to files that any "
    "strategy can load";

// Calls with each parameter and each tensor that is kept of it.
template <class Function>
void for_each_array(torch::optim::Optimizer& optimizer, Function&& function) {
  const RegisteredOptimizer* known = find_registered(optimizer);
  if (known == nullptr) return;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      const auto state = optimizer.state().find(parameter.unsafeGetTensorImpl());
      if (state == optimizer.state().end()) continue;
      for (const NamedArray& array : known->arrays(*state->second))
        if (array.tensor->defined()) function(parameter, array);
    }
  }
}

}  // namespace

OpenedState open_state(torch::optim::Optimizer& optimizer, const PlaceOf& place_of,
                       Communicator& communicator) {
  c10::AutoGradMode no_grad(false);
  // Before anything is changed.
  for_each_array(optimizer, [&](const at::Tensor& parameter, const NamedArray& array) {
    TORCH_CHECK(place_of(parameter) == nullptr || array.tensor->sizes() == parameter.sizes(),
                "the optimizer's tensor `", array.name, "` has the sizes ", array.tensor->sizes(),
                ", but its parameter has ", parameter.sizes(),
                "; give the optimizer a state of the same parameters");
  });
  OpenedState opened;
  for_each_array(optimizer, [&](const at::Tensor& parameter, const NamedArray& array) {
    at::Tensor& tensor = *array.tensor;
    const PartPlace* place = place_of(parameter);
    if (const PartPlace* before = place_of_cut(tensor)) {
      if (place != nullptr && *before == *place) {
        const at::Tensor cut = tensor;
        tensor = own_part(cut);
        opened.emplace(tensor.unsafeGetTensorImpl(), cut);
        return;
      }
      // One that is frozen now is not stepped, and stays as it is.
      if (place == nullptr && !parameter.grad().defined()) return;
      tensor = gather_cut(communicator, tensor);
    }
    if (place == nullptr) return;
    // Of its own memory, so that the rest is let go of.
    tensor = part_of(tensor, *place, communicator.rank()).clone();
  });
  return opened;
}

void close_state(torch::optim::Optimizer& optimizer, const PlaceOf& place_of,
                 const OpenedState& opened) {
  c10::AutoGradMode no_grad(false);
  for_each_array(optimizer, [&](const at::Tensor& parameter, const NamedArray& array) {
    const PartPlace* place = place_of(parameter);
    if (place == nullptr || is_cut(*array.tensor)) return;
    const auto before = opened.find(array.tensor->unsafeGetTensorImpl());
    if (before != opened.end()) {
      *array.tensor = at::Tensor(before->second);
      return;
    }
    *array.tensor = make_cut_tensor(parameter.sizes(), *array.tensor, *place, kRefusal);
  });
}

at::Tensor cut_of_saved(const at::Tensor& saved, const at::Tensor& parameter,
                        const PartPlace& place, int rank) {
  c10::AutoGradMode no_grad(false);
  const at::Tensor part = part_of(saved, place, rank)
                              .to(parameter.device(), /*non_blocking=*/false,
                                  /*copy=*/true);
  return make_cut_tensor(parameter.sizes(), part, place, kRefusal);
}

}  // namespace accelerate::internal
