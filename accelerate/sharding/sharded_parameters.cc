#include "accelerate/sharding/sharded_parameters.h"

#include <ATen/EmptyTensor.h>
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
  std::vector<at::Tensor> cut;
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
    for (size_t m = 0; m < unit.members.size(); ++m) {
      const size_t i = unit.members[m];
      PartPlace place = unit.layout.places()[m];
      place.strides = dense_strides(parameters[i].tensor);
      members_.emplace(
          i, Member{.unit = units_.size(), .place = std::move(place), .region = {}, .part = {}});
    }
    units_.push_back(std::move(unit));
  }
  std::vector<at::Tensor> slots = allocate(parameters);
  return ParameterSlots(std::move(parameters), std::move(slots));
}

std::vector<at::Tensor> ShardedParameters::allocate(const std::vector<NamedParameter>& parameters) {
  std::vector<at::Tensor> slots(parameters.size());
  for (Unit& unit : units_) {
    unit.values.allocate();
    for (const size_t i : unit.members) {
      const at::Tensor& tensor = parameters[i].tensor;
      Member& member = members_.at(i);
      const PartPlace& place = member.place;
      const PartRange own = place.of_rank(communicator_.rank());
      if (ParameterSlots::is_movable(tensor))
        slots[i] = unit.values.slot(place.offset, tensor.sizes(), place.strides);
      member.region = unit.values.slot(place.offset, tensor.sizes(), place.strides);
      member.part = unit.values.slot(place.offset + own.begin, {own.size()}, {1});
    }
  }
  return slots;
}

bool ShardedParameters::restore() {
  if (!slots_.restore()) return false;
  if (!slots_.has_left_slots()) return true;
  std::vector<NamedParameter> parameters = slots_.parameters();
  // A parameter in an old slot must not look as if it shared its memory.
  slots_ = ParameterSlots({}, {});
  std::vector<at::Tensor> slots = allocate(parameters);
  slots_ = ParameterSlots(std::move(parameters), std::move(slots));
  return true;
}

const PartPlace* ShardedParameters::place_of(const at::Tensor& parameter) const {
  const auto index = index_of_.find(parameter.unsafeGetTensorImpl());
  if (index == index_of_.end()) return nullptr;
  const auto member = members_.find(index->second);
  return member == members_.end() ? nullptr : &member->second.place;
}

// Each would be stepped from the old values, and what one has made of them be lost.
void ShardedParameters::check_are_apart(const std::vector<size_t>& stepped) const {
  struct Lies {
    const char* begin;
    const char* end;
    size_t parameter;
  };
  std::vector<Lies> all;
  for (const size_t i : stepped) {
    const at::Tensor& tensor = parameters()[i].tensor;
    const auto* begin = static_cast<const char*>(tensor.const_data_ptr());
    all.push_back({begin,
                   begin + at::detail::computeStorageNbytes(tensor.sizes(), tensor.strides(),
                                                            tensor.element_size()),
                   i});
  }
  std::sort(all.begin(), all.end(), [](const Lies& a, const Lies& b) { return a.begin < b.begin; });
  for (size_t k = 1; k < all.size(); ++k) {
    TORCH_CHECK(all[k - 1].end <= all[k].begin, "the parameters `",
                parameters()[all[k - 1].parameter].name, "` and `",
                parameters()[all[k].parameter].name,
                "` share memory, so a sharded strategy would lose one of their updates; "
                "register one tensor with both modules, or one module twice, or train with "
                "--strategy=multi_cpu or multi_gpu");
  }
}

void ShardedParameters::begin_update(const std::vector<at::Tensor>& stepped) {
  c10::AutoGradMode no_grad(false);
  TORCH_INTERNAL_ASSERT(changed_.empty());
  std::vector<size_t> own;
  std::vector<bool> is_seen(parameters().size(), false);
  bool all_have_slots = true;
  for (const at::Tensor& tensor : stepped) {
    const auto index = index_of_.find(tensor.unsafeGetTensorImpl());
    if (index == index_of_.end() || !members_.contains(index->second)) continue;
    // One that stands in two groups.
    if (is_seen[index->second]) continue;
    is_seen[index->second] = true;
    own.push_back(index->second);
    all_have_slots = all_have_slots && slots_.slot(index->second).defined();
  }
  if (!all_have_slots) check_are_apart(own);
  const int rank = communicator_.rank();
  for (const size_t index : own) {
    const Member& member = members_.at(index);
    at::Tensor parameter = parameters()[index].tensor;
    at::Tensor& gradient = parameter.mutable_grad();
    changed_.push_back({index, parameter.variable_data(), gradient});
    if (!slots_.slot(index).defined())
      member.part.copy_(internal::part_of(parameter, member.place, rank));
    if (const PartPlace* place = place_of_cut(gradient)) {
      TORCH_CHECK(*place == member.place, "the gradient of `", parameters()[index].name,
                  "` is from before the model was cut into its present parts; before you freeze or "
                  "unfreeze a layer, get the whole gradient with "
                  "accelerator.whole_gradient(parameter) and keep that instead");
      gradient = own_part(gradient);
    } else if (gradient.defined()) {
      TORCH_CHECK(gradient.layout() == at::kStrided && gradient.sizes() == parameter.sizes(),
                  "the gradient of `", parameters()[index].name,
                  "` is sparse, or does not have the parameter's sizes; assign a dense gradient of "
                  "the same sizes");
      // The program's own, which every rank has whole.
      gradient = internal::part_of(gradient, member.place, rank);
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
