// The FusedOptimizer for parameters on a GPU: steps all of them in one launch, and keeps their
// rates and step counts on the device.
//
// The host counts each step at once, for code that reads or saves the optimizer's state, and takes
// the count back when it learns that the step was skipped. The step itself uses the device's
// counts; they are overwritten if the program puts other counts into the state, as torch::load()
// does.
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "accelerate/device/device_value.h"
#include "accelerate/device/gpu_kernels.h"
#include "accelerate/optim/fused_items.h"
#include "accelerate/optim/fused_optimizer.h"
#include "accelerate/optim/fused_rule.h"
#include "accelerate/optim/moment_options.h"
#include "kernels/optimizer/optimizer_chunk.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/types/element_type.h"

namespace accelerate::internal {

template <FusedRule Rule>
class GpuFused final : public FusedOptimizer {
 public:
  using Kernel = typename Rule::Kernel;
  using Piece = kernels::OptimizerPiece<Kernel>;
  using Slot = kernels::OptimizerSlot<Kernel>;
  using Options = typename Kernel::Options;
  using Launch = void(c10::Device, std::span<const Piece>, const Options*, Slot*,
                      const kernels::Step*, kernels::ElementType moment_type);

  // Tests pass another `launch` than the GPU's.
  GpuFused(torch::optim::Optimizer& optimizer, c10::Device device, const MomentOptions& moments,
           Launch* launch = launch_on_gpu)
      : items_(optimizer, device, moments), launch_(launch) {}

  std::string_view name() const override { return Rule::kName; }
  c10::Device device() const override { return items_.device(); }

  bool step(const kernels::Step* step) override {
    c10::AutoGradMode no_grad(false);
    if (!items_.all_fit() || items_.share_memory()) return items_.leave_to_own_step();
    const std::vector<at::Tensor> parameters = items_.parameters();
    send_numbers(parameters);
    items_.gather();
    pieces_.clear();
    taken_.clear();
    for (const auto& item : items_.items()) {
      pieces_.push_back(piece_of(item));
      taken_.push_back(static_cast<int32_t>(item.index));
      known_[item.index] = steps_of(parameters[item.index]);
    }
    if (pieces_.empty()) return true;
    send_options();
    try {
      launch_(device(), pieces_, groups_->get(), slots_->get(), step, moment_type());
    } catch (...) {
      count(taken_, -1);
      throw;
    }
    return true;
  }

  std::vector<int32_t> taken() const override { return taken_; }

  void count(const std::vector<int32_t>& taken, int64_t by) override {
    const std::vector<at::Tensor> parameters = items_.parameters();
    for (const int32_t index : taken) {
      if (index >= std::min(std::ssize(parameters), std::ssize(known_))) continue;
      auto* state = items_.find_state(parameters[index]);
      // Leaves the count alone if the program has changed it in the meantime.
      if (state == nullptr || Rule::steps(*state) != known_[index]) continue;
      Rule::count(*state, by);
      known_[index] = Rule::steps(*state);
    }
  }

  bool is_fresh() override {
    items_.read_options();
    return items_.has_states() && items_.options() == sent_ &&
           numbers_of(items_.parameters()) == known_;
  }

  void refresh() override {
    c10::AutoGradMode no_grad(false);
    send_numbers(items_.parameters());
    items_.read_options();
    send_options();
  }

  std::vector<std::uintptr_t> layout(const std::vector<int32_t>& taken) override {
    const auto address = [](const void* data) { return reinterpret_cast<std::uintptr_t>(data); };
    const std::vector<at::Tensor> parameters = items_.parameters();
    std::vector<std::uintptr_t> result;
    if (groups_) result.push_back(address(groups_->get()));
    if (slots_) result.push_back(address(slots_->get()));
    for (const auto& of_group : items_.needed())
      result.insert(result.end(), of_group.begin(), of_group.end());
    for (const int32_t index : taken) {
      if (index >= std::ssize(parameters)) continue;
      result.push_back(address(parameters[index].const_data_ptr()));
      const auto* state = items_.find_state(parameters[index]);
      if (state == nullptr) continue;
      for (const at::Tensor* array : Rule::arrays(std::as_const(*state)))
        result.push_back(array->defined() ? address(array->const_data_ptr()) : 0);
    }
    return result;
  }

 private:
  static void launch_on_gpu(c10::Device device, std::span<const Piece> pieces,
                            const Options* groups, Slot* slots, const kernels::Step* step,
                            kernels::ElementType moment_type) {
    gpu::launch(device, [&](void* stream) {
      return kernels::optimizer_cuda<Kernel>(pieces, groups, slots, step, stream, moment_type);
    });
  }

  static Piece piece_of(const typename FusedItems<Rule>::Item& item) {
    Piece piece = {.parameter = static_cast<float*>(item.parameter),
                   .gradient = item.gradient,
                   .count = item.count,
                   .group = static_cast<int32_t>(item.group),
                   .slot = static_cast<int32_t>(item.index)};
    std::copy(item.state.begin(), item.state.end(), piece.state);
    return piece;
  }

  kernels::ElementType moment_type() const {
    return items_.rounds_moments() ? kernels::ElementType::kBFloat16 : kernels::ElementType::kFloat;
  }
  Slot slot_of(size_t index, int64_t number) const {
    return {.number = number, .seed = items_.seed_of(index)};
  }

  int64_t steps_of(const at::Tensor& parameter) const {
    const auto* state = items_.find_state(parameter);
    return state == nullptr ? 0 : Rule::steps(*state);
  }

  std::vector<int64_t> numbers_of(const std::vector<at::Tensor>& parameters) const {
    std::vector<int64_t> numbers;
    for (const at::Tensor& parameter : parameters) numbers.push_back(steps_of(parameter));
    return numbers;
  }

  // Sends the step counts that the device does not know.
  void send_numbers(const std::vector<at::Tensor>& parameters) {
    std::vector<int64_t> numbers = numbers_of(parameters);
    if (numbers.size() != known_.size()) {
      std::vector<Slot> slots(numbers.size());
      for (size_t i = 0; i < slots.size(); ++i) slots[i] = slot_of(i, numbers[i]);
      if (!slots.empty()) slots_.emplace(device(), slots);
    } else {
      for (size_t i = 0; i < numbers.size(); ++i) {
        if (numbers[i] != known_[i]) slots_->write(i, slot_of(i, numbers[i]));
      }
    }
    known_ = std::move(numbers);
  }

  void send_options() {
    if (items_.options() == sent_) return;
    if (items_.options().size() == sent_.size()) {
      groups_->write(items_.options());
    } else {
      groups_.emplace(device(), items_.options());
    }
    sent_ = items_.options();
  }

  FusedItems<Rule> items_;
  Launch* launch_;
  std::vector<Piece> pieces_;
  std::vector<int32_t> taken_;
  std::optional<DeviceArray<Options>> groups_;
  std::optional<DeviceArray<Slot>> slots_;
  // The options that were sent last, and the steps that the host has counted for each parameter.
  std::vector<Options> sent_;
  std::vector<int64_t> known_;
};

}  // namespace accelerate::internal
