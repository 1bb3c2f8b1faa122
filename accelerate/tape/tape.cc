#include "accelerate/tape/tape.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "accelerate/tape/instruction.h"
#include "accelerate/tape/tape_compiler.h"

namespace accelerate {
namespace {

bool same_layout(const at::Tensor& left, const at::Tensor& right) {
  return left.scalar_type() == right.scalar_type() && left.sizes() == right.sizes() &&
         left.strides() == right.strides();
}

// Memory of somebody else, who outlives its use.
c10::DataPtr borrowed(void* data) { return {data, at::kCPU}; }

// The tensor's memory, which lives on for as long as it is used: the program may hold an input. It
// begins so far before the tensor as that of one with this offset does.
c10::DataPtr shared(const at::Tensor& tensor, int64_t offset) {
  c10::Storage storage = tensor.storage();
  c10::StorageImpl* held = storage.unsafeReleaseStorageImpl();
  const auto release = [](void* context) {
    c10::raw::intrusive_ptr::decref(static_cast<c10::StorageImpl*>(context));
  };
  char* const begin = static_cast<char*>(tensor.data_ptr()) - offset * tensor.element_size();
  return {begin, held, release, at::kCPU};
}

}  // namespace

at::Tensor row_of_memory(const at::Tensor& tensor) {
  int64_t size = tensor.numel() == 0 ? 0 : 1;
  for (int64_t i = 0; i < tensor.dim() && size > 0; ++i)
    size += (tensor.size(i) - 1) * tensor.stride(i);
  return tensor.as_strided({size}, {1});
}

Tape::Tape(Recording recording, const std::vector<at::Tensor>& inputs) {
  TORCH_CHECK(!recording.obstacle,
              "no tape of a recording with an obstacle: ", *recording.obstacle);
  internal::CompiledTape compiled = internal::compile(std::move(recording));
  instructions_ = std::move(compiled.instructions);
  storages_ = std::move(compiled.storages);
  for (const at::Tensor& input : inputs) {
    const bool is_held = input.defined() && compiled.is_held(input.storage());
    bindings_.push_back({input, is_held});
  }
  std::vector<Lifetime> lifetimes;
  for (const internal::PlannedStorage& each : compiled.planned) {
    lifetimes.push_back(each.lifetime);
    unplanned_bytes_ += each.lifetime.bytes;
  }
  const MemoryPlan plan = plan_memory(lifetimes);
  planned_bytes_ = plan.bytes;
  memory_ = c10::GetCPUAllocator()->allocate(static_cast<size_t>(plan.bytes));
  for (size_t i = 0; i < compiled.planned.size(); ++i) {
    char* place = static_cast<char*>(memory_.get()) + plan.offsets[i];
    compiled.planned[i].storage->set_data_ptr_noswap(borrowed(place));
  }
}

Tape::~Tape() = default;

size_t Tape::size() const { return instructions_.size(); }

bool Tape::uses(const c10::StorageImpl* storage) const {
  return std::any_of(storages_.begin(), storages_.end(), [storage](const c10::Storage& each) {
    return each.unsafeGetStorageImpl() == storage;
  });
}

void Tape::bind(Binding& binding, const at::Tensor& value) {
  // Negated and conjugated views have other values than their memory.
  const bool fits = same_layout(value, binding.input) && !value.is_neg() && !value.is_conj();
  if (binding.is_held) {
    const at::Tensor input = binding.input.detach();
    fits ? row_of_memory(input).copy_(row_of_memory(value.detach())) : input.copy_(value);
    return;
  }
  at::Tensor fit = value;
  if (!fits) {
    fit = at::empty_strided(binding.input.sizes(), binding.input.strides(),
                            binding.input.options().requires_grad(false));
    fit.copy_(value);
  }
  if (fit.is_alias_of(binding.input)) return;
  binding.input.storage().set_data_ptr_noswap(shared(fit, binding.input.storage_offset()));
}

void Tape::replay(const std::vector<at::Tensor>& inputs) {
  TORCH_CHECK(inputs.size() == bindings_.size(), "a tape of ", bindings_.size(), " inputs got ",
              inputs.size());
  {
    c10::AutoGradMode no_grad(false);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (bindings_[i].input.defined()) bind(bindings_[i], inputs[i]);
    }
  }
  auto next = instructions_.begin();
  try {
    run_from(next);
  } catch (...) {
    stack_.clear();
    unwind(next);
    throw;
  }
}

void Tape::unwind(std::vector<internal::Instruction>::iterator thrown) {
  std::unordered_set<const void*> open;
  for (auto done = instructions_.begin(); done != thrown; ++done) {
    if (done->opens != nullptr) open.insert(done->opens);
    if (done->closes != nullptr) open.erase(done->closes);
  }
  for (auto left = thrown; left != instructions_.end() && !open.empty(); ++left) {
    if (left->closes != nullptr && open.erase(left->closes) > 0) left->work();
  }
}

void Tape::run_from(std::vector<internal::Instruction>::iterator& next) {
  while (next != instructions_.end()) {
    if (next->work) {
      c10::AutoGradMode mode(next->grad_mode);
      next->work();
      ++next;
      continue;
    }
    at::AutoDispatchBelowADInplaceOrView below;
    c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    for (; next != instructions_.end() && !next->work; ++next) next->run(stack_);
  }
}

}  // namespace accelerate
