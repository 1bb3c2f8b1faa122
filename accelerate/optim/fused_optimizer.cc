#include "accelerate/optim/fused_optimizer.h"

#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <typeinfo>
#include <unordered_set>
#include <vector>

#include "accelerate/device/gpu_kernels.h"
#include "accelerate/layout/blocks.h"
#include "accelerate/optim/fused_items.h"
#include "accelerate/optim/gpu_fused.h"

namespace accelerate {
namespace internal {

bool suits(const at::Tensor& state, const at::Tensor& parameter) {
  return !state.defined() ||
         (state.layout() == at::kStrided && state.device() == parameter.device() &&
          state.scalar_type() == parameter.scalar_type() && state.sizes() == parameter.sizes());
}

void* state_data(at::Tensor& state, const at::Tensor& parameter) {
  // A loaded one may lie otherwise.
  state = state.defined() ? laid_out(state, parameter.sizes(), parameter.strides())
                          : at::zeros_like(parameter, at::MemoryFormat::Preserve);
  return state.mutable_data_ptr();
}

bool is_fusable(const at::Tensor& parameter) {
  const c10::ScalarType type = parameter.scalar_type();
  const bool takes_type = type == at::kFloat || (type == at::kDouble && parameter.is_cpu());
  return takes_type && (parameter.is_cpu() || parameter.is_cuda()) &&
         parameter.layout() == at::kStrided && parameter.is_non_overlapping_and_dense() &&
         !parameter.is_neg();
}

}  // namespace internal

namespace {

using internal::FusedItem;
using torch::optim::Optimizer;

// The device that all parameters are on, if a kernel steps them all.
std::optional<c10::Device> fusable_device(const Optimizer& optimizer) {
  std::optional<c10::Device> device;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!internal::is_fusable(parameter)) return std::nullopt;
      if (!device) device = parameter.device();
      if (*device != parameter.device()) return std::nullopt;
    }
  }
  return device;
}

template <class Rule>
class CpuFused final : public FusedOptimizer {
 public:
  explicit CpuFused(Optimizer& optimizer) : items_(optimizer, at::kCPU) {}

  std::string_view name() const override { return Rule::kName; }
  c10::Device device() const override { return items_.device(); }

  bool step(const kernels::Step* step) override {
    if (step->overflow != 0) return true;
    c10::AutoGradMode no_grad(false);
    if (!items_.all_fit()) return false;
    items_.gather();
    counts_.clear();
    for (const FusedItem& item : items_.items()) counts_.push_back(item.count);
    cut_into_blocks(counts_, blocks_);
    const auto run = [&](const Block& block) {
      const FusedItem& item = items_.items()[block.array];
      const auto& options = items_.options()[item.group];
      if (item.is_double) {
        Rule::template run<double>(options, step->gradient_factor, item, block.begin, block.count);
      } else {
        Rule::template run<float>(options, step->gradient_factor, item, block.begin, block.count);
      }
    };
    for_each_block(blocks_, run, /*in_order=*/items_.share_memory());
    return true;
  }

 private:
  internal::FusedItems<Rule> items_;
  // Kept for their memory only.
  std::vector<int64_t> counts_;
  std::vector<Block> blocks_;
};

template <class Rule>
std::unique_ptr<FusedOptimizer> make_cpu(Optimizer& optimizer) {
  return std::make_unique<CpuFused<Rule>>(optimizer);
}

// On either device.
template <class Rule>
std::unique_ptr<FusedOptimizer> make_any(Optimizer& optimizer, c10::Device device,
                                         typename internal::GpuFused<Rule>::Launch* launch) {
  if (device.is_cpu()) return make_cpu<Rule>(optimizer);
  return std::make_unique<internal::GpuFused<Rule>>(optimizer, device, launch);
}

}  // namespace

std::unique_ptr<FusedOptimizer> FusedOptimizer::make(Optimizer& optimizer) {
  using namespace torch::optim;  // NOLINT: five classes and their options
  using AdamWRule = internal::AdamRule<AdamWOptions, AdamWParamState, true>;
  using AdamRule = internal::AdamRule<AdamOptions, AdamParamState, false>;
  const auto device = fusable_device(optimizer);
  if (!device) return nullptr;
  const std::type_info& type = typeid(optimizer);
  if (type == typeid(AdamW)) return make_any<AdamWRule>(optimizer, *device, gpu::adam);
  if (type == typeid(Adam)) return make_any<AdamRule>(optimizer, *device, gpu::adam);
  if (type == typeid(SGD)) return make_any<internal::SgdRule>(optimizer, *device, gpu::sgd);
  if (!device->is_cpu()) return nullptr;
  if (type == typeid(RMSprop)) return make_cpu<internal::RmsPropRule>(optimizer);
  if (type == typeid(Adagrad)) return make_cpu<internal::AdagradRule>(optimizer);
  return nullptr;
}

void remove_repeated_parameters(Optimizer& optimizer) {
  std::unordered_set<const c10::TensorImpl*> seen;
  for (auto& group : optimizer.param_groups()) {
    std::erase_if(group.params(), [&seen](const at::Tensor& parameter) {
      return !seen.insert(parameter.unsafeGetTensorImpl()).second;
    });
  }
}

}  // namespace accelerate
