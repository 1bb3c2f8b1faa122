// What tells the fused optimizers apart. A rule knows LibTorch's options and state of its
// optimizer:
//
//   has_state()  whether the options call for any
//   fits()       whether the state of a parameter suits the kernel; changes nothing
//   gather()     counts the step and finds the kernel's arrays, or makes them
//   run()        calls the kernel on a part of the arrays
//
// and one whose kernel runs on a GPU as well:
//
//   Piece, Slot  what the kernel is told of a parameter, and keeps for it on the device
//   piece()      that of an item
//   steps()      how many steps the state has counted
//   count()      adds to them
//   arrays()     the state's tensors, some of which may be undefined
//   needed()     how many of these, from the first, the options call for
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/adagrad/adagrad.h"
#include "kernels/adam/adam.h"
#include "kernels/adam/adam_piece.h"
#include "kernels/adam/adam_slot.h"
#include "kernels/rmsprop/rmsprop.h"
#include "kernels/sgd/sgd.h"
#include "kernels/sgd/sgd_piece.h"
#include "kernels/sgd/sgd_slot.h"

namespace accelerate::internal {

// One parameter in one step. Null where there is no such array.
struct FusedItem {
  void* parameter = nullptr;
  const void* gradient = nullptr;
  std::array<void*, 3> state = {};
  int64_t count = 0;
  bool is_double = false;
  // This step's number, from 1.
  int64_t step = 0;
  // Index of the group's options, and of the parameter among those of all groups.
  size_t group = 0;
  size_t index = 0;
};

template <class T>
T* part(void* data, int64_t begin) {
  return data == nullptr ? nullptr : static_cast<T*>(data) + begin;
}
template <class T>
const T* part(const void* data, int64_t begin) {
  return static_cast<const T*>(data) + begin;
}

// Whether a state tensor, or a gradient, belongs to the parameter as the kernel wants it; its
// strides may differ.
bool suits(const at::Tensor& state, const at::Tensor& parameter);
// The state tensor's memory, laid out as the parameter's; made from zeros where there is none.
void* state_data(at::Tensor& state, const at::Tensor& parameter);

template <class LibTorchOptions, class LibTorchState, bool kDecoupledDecay>
struct AdamRule {
  using Options = kernels::AdamOptions;
  using State = LibTorchState;
  static constexpr std::string_view kName = kDecoupledDecay ? "AdamW" : "Adam";

  static Options options(const torch::optim::OptimizerOptions& given) {
    const auto& own = static_cast<const LibTorchOptions&>(given);
    return {.lr = own.lr(),
            .beta1 = std::get<0>(own.betas()),
            .beta2 = std::get<1>(own.betas()),
            .eps = own.eps(),
            .weight_decay = own.weight_decay(),
            .decoupled_weight_decay = kDecoupledDecay};
  }
  static bool has_state(const Options&) { return true; }
  static bool fits(const State& state, const at::Tensor& parameter) {
    return suits(state.exp_avg(), parameter) && suits(state.exp_avg_sq(), parameter) &&
           suits(state.max_exp_avg_sq(), parameter);
  }
  static void gather(State& state, const torch::optim::OptimizerOptions& given,
                     const at::Tensor& parameter, FusedItem& item) {
    state.step(state.step() + 1);
    item.step = state.step();
    item.state[0] = state_data(state.exp_avg(), parameter);
    item.state[1] = state_data(state.exp_avg_sq(), parameter);
    if (static_cast<const LibTorchOptions&>(given).amsgrad())
      item.state[2] = state_data(state.max_exp_avg_sq(), parameter);
  }
  template <class T>
  static void run(const Options& options, double factor, const FusedItem& item, int64_t begin,
                  int64_t count) {
    kernels::adam(
        options, item.step, factor,
        kernels::AdamArrays<T>{part<T>(item.parameter, begin), part<T>(item.gradient, begin),
                               part<T>(item.state[0], begin), part<T>(item.state[1], begin),
                               part<T>(item.state[2], begin), count});
  }

  using Piece = kernels::AdamPiece;
  using Slot = kernels::AdamSlot;
  static Piece piece(const FusedItem& item) {
    return {.parameter = static_cast<float*>(item.parameter),
            .gradient = item.gradient,
            .exp_avg = static_cast<float*>(item.state[0]),
            .exp_avg_sq = static_cast<float*>(item.state[1]),
            .max_exp_avg_sq = static_cast<float*>(item.state[2]),
            .count = item.count,
            .group = static_cast<int32_t>(item.group),
            .slot = static_cast<int32_t>(item.index)};
  }
  static int64_t steps(const State& state) { return state.step(); }
  static void count(State& state, int64_t by) { state.step(state.step() + by); }
  static std::vector<at::Tensor> arrays(const State& state) {
    return {state.exp_avg(), state.exp_avg_sq(), state.max_exp_avg_sq()};
  }
  static size_t needed(const torch::optim::OptimizerOptions& given) {
    return static_cast<const LibTorchOptions&>(given).amsgrad() ? 3 : 2;
  }
};

struct SgdRule {
  using Options = kernels::SgdOptions;
  using State = torch::optim::SGDParamState;
  static constexpr std::string_view kName = "SGD";

  static Options options(const torch::optim::OptimizerOptions& given) {
    const auto& own = static_cast<const torch::optim::SGDOptions&>(given);
    return {.lr = own.lr(),
            .momentum = own.momentum(),
            .dampening = own.dampening(),
            .weight_decay = own.weight_decay(),
            .nesterov = own.nesterov()};
  }
  // LibTorch takes a state without a buffer for one with.
  static bool has_state(const Options& options) { return options.momentum != 0; }
  static bool fits(const State& state, const at::Tensor& parameter) {
    return suits(state.momentum_buffer(), parameter);
  }
  static void gather(State& state, const torch::optim::OptimizerOptions&,
                     const at::Tensor& parameter, FusedItem& item) {
    // The first step begins the buffer with the gradient, whatever the dampening.
    item.step = state.momentum_buffer().defined() ? 2 : 1;
    item.state[0] = state_data(state.momentum_buffer(), parameter);
  }
  template <class T>
  static void run(const Options& options, double factor, const FusedItem& item, int64_t begin,
                  int64_t count) {
    kernels::sgd(
        options, /*first_step=*/item.step == 1, factor,
        kernels::SgdArrays<T>{part<T>(item.parameter, begin), part<T>(item.gradient, begin),
                              part<T>(item.state[0], begin), count});
  }

  using Piece = kernels::SgdPiece;
  using Slot = kernels::SgdSlot;
  static Piece piece(const FusedItem& item) {
    return {.parameter = static_cast<float*>(item.parameter),
            .gradient = item.gradient,
            .momentum_buffer = static_cast<float*>(item.state[0]),
            .count = item.count,
            .group = static_cast<int32_t>(item.group),
            .slot = static_cast<int32_t>(item.index)};
  }
  static int64_t steps(const State& state) { return state.momentum_buffer().defined(); }
  // LibTorch keeps no count but whether there is a buffer.
  static void count(State&, int64_t) {}
  static std::vector<at::Tensor> arrays(const State& state) { return {state.momentum_buffer()}; }
  static size_t needed(const torch::optim::OptimizerOptions& given) {
    return has_state(options(given)) ? 1 : 0;
  }
};

struct RmsPropRule {
  using Options = kernels::RmsPropOptions;
  using State = torch::optim::RMSpropParamState;
  static constexpr std::string_view kName = "RMSprop";

  static Options options(const torch::optim::OptimizerOptions& given) {
    const auto& own = static_cast<const torch::optim::RMSpropOptions&>(given);
    return {.lr = own.lr(),
            .alpha = own.alpha(),
            .eps = own.eps(),
            .weight_decay = own.weight_decay(),
            .momentum = own.momentum()};
  }
  static bool has_state(const Options&) { return true; }
  static bool fits(const State& state, const at::Tensor& parameter) {
    return suits(state.square_avg(), parameter) && suits(state.momentum_buffer(), parameter) &&
           suits(state.grad_avg(), parameter);
  }
  static void gather(State& state, const torch::optim::OptimizerOptions& given,
                     const at::Tensor& parameter, FusedItem& item) {
    const auto& own = static_cast<const torch::optim::RMSpropOptions&>(given);
    state.step(state.step() + 1);
    item.step = state.step();
    item.state[0] = state_data(state.square_avg(), parameter);
    if (own.momentum() > 0) item.state[1] = state_data(state.momentum_buffer(), parameter);
    if (own.centered()) item.state[2] = state_data(state.grad_avg(), parameter);
  }
  template <class T>
  static void run(const Options& options, double factor, const FusedItem& item, int64_t begin,
                  int64_t count) {
    kernels::rmsprop(
        options, factor,
        kernels::RmsPropArrays<T>{part<T>(item.parameter, begin), part<T>(item.gradient, begin),
                                  part<T>(item.state[0], begin), part<T>(item.state[1], begin),
                                  part<T>(item.state[2], begin), count});
  }
};

struct AdagradRule {
  using Options = kernels::AdagradOptions;
  using State = torch::optim::AdagradParamState;
  static constexpr std::string_view kName = "Adagrad";

  static Options options(const torch::optim::OptimizerOptions& given) {
    const auto& own = static_cast<const torch::optim::AdagradOptions&>(given);
    return {.lr = own.lr(),
            .lr_decay = own.lr_decay(),
            .weight_decay = own.weight_decay(),
            .eps = own.eps()};
  }
  static bool has_state(const Options&) { return true; }
  static bool fits(const State& state, const at::Tensor& parameter) {
    return suits(state.sum(), parameter);
  }
  static void gather(State& state, const torch::optim::OptimizerOptions&,
                     const at::Tensor& parameter, FusedItem& item) {
    state.step(state.step() + 1);
    item.step = state.step();
    item.state[0] = state_data(state.sum(), parameter);
  }
  template <class T>
  static void run(const Options& options, double factor, const FusedItem& item, int64_t begin,
                  int64_t count) {
    kernels::adagrad(
        options, item.step, factor,
        kernels::AdagradArrays<T>{part<T>(item.parameter, begin), part<T>(item.gradient, begin),
                                  part<T>(item.state[0], begin), count});
  }
};

}  // namespace accelerate::internal
