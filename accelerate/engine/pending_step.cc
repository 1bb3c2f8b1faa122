#include "accelerate/engine/pending_step.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace accelerate {

void PendingStep::see(const std::vector<at::Tensor>& gradients) {
  seen_.clear();
  for (const at::Tensor& gradient : gradients)
    seen_.push_back({decltype(SeenGradient::tensor)(gradient.getIntrusivePtr()),
                     static_cast<uint32_t>(gradient._version())});
}

bool PendingStep::is_as_seen(const std::vector<at::Tensor>& gradients) const {
  return std::equal(gradients.begin(), gradients.end(), seen_.begin(), seen_.end(),
                    [](const at::Tensor& gradient, const SeenGradient& seen) {
                      return seen.tensor._unsafe_get_target() == gradient.unsafeGetTensorImpl() &&
                             seen.version == gradient._version();
                    });
}

bool PendingStep::are_all_new(const std::vector<at::Tensor>& gradients) const {
  std::unordered_set<const c10::TensorImpl*> known;
  for (const SeenGradient& each : seen_) known.insert(each.tensor._unsafe_get_target());
  return std::none_of(gradients.begin(), gradients.end(), [&known](const at::Tensor& gradient) {
    return known.contains(gradient.unsafeGetTensorImpl());
  });
}

void PendingStep::reset() {
  std::vector<SeenGradient> memory = std::move(seen_);
  memory.clear();
  *this = {};
  seen_ = std::move(memory);
}

}  // namespace accelerate
