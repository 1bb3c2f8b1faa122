#include "accelerate/sharding/sharded_parameters.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <set>
#include <utility>

#include "accelerate/layout/element_type.h"
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/sharding/parts.h"

namespace accelerate {
namespace {

// LibTorch's own alignment, so that kernels find parts as they would find tensors.
int64_t alignment_of(const at::Tensor& tensor) {
  return 64 / static_cast<int64_t>(tensor.element_size());
}

bool can_be_cut(const at::Tensor& tensor) {
  return tensor.layout() == at::kStrided && tensor.numel() > 0 &&
         element_type(tensor.scalar_type()).has_value();
}

}  // namespace

ShardedParameters::ShardedParameters(Communicator& communicator,
                                     std::vector<NamedParameter> parameters,
                                     const internal::BucketSizes& sizes)
    : communicator_(communicator), slots_(lay_out(std::move(parameters), sizes)) {}

ParameterSlots ShardedParameters::lay_out(std::vector<NamedParameter> parameters,
                                          const internal::BucketSizes& sizes) {
  std::reverse(parameters.begin(), parameters.end());
  std::vector<at::Tensor> cut, slots(parameters.size());
  std::vector<size_t> indices;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& tensor = parameters[i].tensor;
    index_of_[tensor.unsafeGetTensorImpl()] = i;
    if (can_be_cut(tensor)) {
      cut.push_back(tensor);
      indices.push_back(i);
    } else {
      whole_.push_back(i);
    }
  }
  for (std::vector<size_t>& bucket : internal::fill_buckets(cut, sizes)) {
    std::vector<int64_t> numels;
    for (size_t& member : bucket) {
      numels.push_back(cut[member].numel());
      member = indices[member];
    }
    const at::Tensor& first = parameters[bucket.front()].tensor;
    Unit unit{.layout = UnitLayout(numels, communicator_.size(), alignment_of(first)),
              .members = std::move(bucket),
              .values = FlatBuffer(first.scalar_type(), first.device())};
    unit.values.reserve(unit.layout.numel());
    unit.values.allocate();
    for (size_t m = 0; m < unit.members.size(); ++m) {
      const size_t i = unit.members[m];
      const at::Tensor& tensor = parameters[i].tensor;
      const PartPlace& place = unit.layout.places()[m];
      const PartRange own = place.of_rank(communicator_.rank());
      const std::vector<int64_t> strides = dense_strides(tensor);
      if (ParameterSlots::is_movable(tensor))
        slots[i] = unit.values.slot(place.offset, tensor.sizes(), strides);
      members_.emplace(
          i, Member{.unit = units_.size(),
                    .place = place,
                    .region = unit.values.slot(place.offset, tensor.sizes(), strides),
                    .part = unit.values.slot(place.offset + own.begin, {own.size()}, {1})});
    }
    units_.push_back(std::move(unit));
  }
  return ParameterSlots(std::move(parameters), std::move(slots));
}

const PartPlace* ShardedParameters::place_of(const at::Tensor& parameter) const {
  const auto index = index_of_.find(parameter.unsafeGetTensorImpl());
  if (index == index_of_.end()) return nullptr;
  const auto member = members_.find(index->second);
  return member == members_.end() ? nullptr : &member->second.place;
}

void ShardedParameters::begin_update(const std::vector<at::Tensor>& stepped) {
  c10::AutoGradMode no_grad(false);
  TORCH_INTERNAL_ASSERT(changed_.empty());
  for (const at::Tensor& tensor : stepped) {
    const auto index = index_of_.find(tensor.unsafeGetTensorImpl());
    if (index == index_of_.end()) continue;
    const auto found = members_.find(index->second);
    if (found == members_.end()) continue;
    const Member& member = found->second;
    const PartRange own = member.place.of_rank(communicator_.rank());
    at::Tensor parameter = tensor;
    changed_.push_back({index->second, parameter.variable_data(), parameter.grad()});
    if (!slots_.slot(index->second).defined())
      member.part.copy_(internal::part_of(parameter, parameter, own));
    at::Tensor& gradient = parameter.mutable_grad();
    if (is_cut(gradient)) {
      gradient = own_part(gradient);
    } else if (gradient.defined()) {
      // The program's own, which every rank has whole.
      gradient = internal::part_of(gradient, parameter, own);
    }
    parameter.set_data(member.part);
  }
}

void ShardedParameters::end_update(bool is_complete) {
  c10::AutoGradMode no_grad(false);
  std::set<size_t> touched;
  for (const Changed& each : changed_) {
    at::Tensor parameter = parameters()[each.parameter].tensor;
    parameter.set_data(each.values);
    parameter.mutable_grad() = each.gradient;
    touched.insert(members_.at(each.parameter).unit);
  }
  const std::vector<Changed> changed = std::exchange(changed_, {});
  if (!is_complete) return;
  std::vector<PendingCollective> pending;
  for (const size_t index : touched) {
    Unit& unit = units_[index];
    const int64_t part = unit.layout.part();
    const at::Tensor own = unit.values.whole().narrow(0, communicator_.rank() * part, part);
    pending.push_back(communicator_.start_all_gather(own, unit.values.whole(),
                                                     {.tag = static_cast<int64_t>(index)}));
  }
  for (PendingCollective& each : pending) each.wait();
  for (const Changed& each : changed) {
    if (!slots_.slot(each.parameter).defined())
      parameters()[each.parameter].tensor.detach().copy_(members_.at(each.parameter).region);
  }
}

}  // namespace accelerate
