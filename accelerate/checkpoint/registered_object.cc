#include "accelerate/checkpoint/registered_object.h"

#include <c10/core/GradMode.h>

#include <sstream>

#include "accelerate/checkpoint/tensor_difference.h"
#include "accelerate/state/bytes.h"
#include "accelerate/state/copy_values.h"

namespace accelerate::internal {
namespace {

template <class Function>
void for_each_tensor(const torch::nn::Module& module, Function&& function) {
  const auto visit = [&](const auto& items) {
    for (const auto& item : items)
      if (item.value().defined()) function(item.key(), item.value());
  };
  visit(module.named_parameters());
  visit(module.named_buffers());
}

}  // namespace

State state_of_value(const at::Tensor& value) {
  State state;
  state.set(kValue, value.detach());
  return state;
}

void check_value(const at::Tensor& value, const State& state) {
  const at::Tensor& saved = state.tensor(kValue);
  TORCH_CHECK(saved.sizes() == value.sizes(), "the saved tensor has the sizes ", saved.sizes(),
              ", and the program's has ", value.sizes(),
              "; give it the saved sizes before you load");
  TORCH_CHECK(saved.scalar_type() == value.scalar_type() ||
                  (saved.is_floating_point() && value.is_floating_point()),
              "the saved tensor is ", saved.scalar_type(), ", and the program's ",
              value.scalar_type(), "; give it the saved type before you load");
}

void load_value(at::Tensor& value, const State& state) {
  check_value(value, state);
  c10::AutoGradMode no_grad(false);
  value.detach().copy_(state.tensor(kValue));
}

State module_state(const torch::nn::Module& module) {
  State state;
  for_each_tensor(module, [&state](const std::string& name, const at::Tensor& tensor) {
    state.set(name, tensor.detach());
  });
  return state;
}

void check_module_state(const torch::nn::Module& module, const State& state,
                        std::string_view name) {
  const TensorDifference difference = difference_of(state, module_state(module));
  TORCH_CHECK(difference.is_none(), "the state of `", name, "` is of another module.",
              listed("of another shape or type:", difference.unlike),
              listed("missing in the state:", difference.missing),
              listed("not in the module:", difference.unexpected));
}

void load_module_state(torch::nn::Module& module, const State& state) {
  c10::AutoGradMode no_grad(false);
  for_each_tensor(module, [&state](const std::string& key, const at::Tensor& tensor) {
    copy_values(tensor, state.tensor(key));
  });
}

State archive_state(torch::serialize::OutputArchive& archive) {
  std::ostringstream out;
  archive.save_to(out);
  State state;
  state.set(kArchiveName, tensor_of_bytes(out.str()));
  return state;
}

torch::serialize::InputArchive archive_of(const State& state, c10::Device device) {
  const std::string bytes = bytes_of_tensor(state.tensor(kArchiveName));
  torch::serialize::InputArchive archive;
  archive.load_from(bytes.data(), bytes.size(), device);
  return archive;
}

}  // namespace accelerate::internal
