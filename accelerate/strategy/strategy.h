// Where a program trains: on which kind of device, and in how many processes. A strategy is a
// policy type without state or virtual calls: its `traits` say what there is to know about it, and
// its type `Gradients` makes what happens to gradients between the processes.
//
//   template <accelerate::Strategy S> void report() { std::cout << S::traits << "\n"; }
//
// Not for choosing at run time: ACCELERATE_MAIN does that, from flags and environment. A strategy
// of your own is a struct with these two members; see CONTRIBUTING.md.
#pragma once

#include <c10/core/DeviceType.h>

#include <concepts>
#include <optional>
#include <ostream>
#include <string_view>

#include "launcher/env/sharding_stage.h"

namespace accelerate {

using launcher::Sharding;

// Everything the engine asks of a strategy. Printable and comparable.
struct StrategyTraits {
  std::string_view name;
  // The device of the model and the batches.
  c10::DeviceType device;
  // Whether several processes train one model, their gradients averaged.
  bool multi_process;
  // What each of them keeps a part of only; nothing here where the launch decides it.
  std::optional<Sharding> sharding = Sharding::kNone;

  friend constexpr bool operator==(const StrategyTraits&, const StrategyTraits&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StrategyTraits& traits) {
    return out << traits.name;
  }
};

// What a strategy of one process and of several does with gradients, in
// gradients/strategy_gradients.h.
struct OwnGradients;
struct AveragedGradients;
// In sharding/sharded_strategy.h.
struct ShardedGradients;

// One process on the CPU.
struct Cpu {
  using Gradients = OwnGradients;
  static constexpr StrategyTraits traits{"cpu", c10::DeviceType::CPU, false};
};

// Several processes on the CPU, on one machine or many; collectives through shared memory inside a
// machine and by Gloo between machines.
struct MultiCpu {
  using Gradients = AveragedGradients;
  static constexpr StrategyTraits traits{"multi_cpu", c10::DeviceType::CPU, true};
};

// One process on one GPU.
struct Gpu {
  using Gradients = OwnGradients;
  static constexpr StrategyTraits traits{"gpu", c10::DeviceType::CUDA, false};
};

// A process for each GPU, on one machine or many; collectives by NCCL.
struct MultiGpu {
  using Gradients = AveragedGradients;
  static constexpr StrategyTraits traits{"multi_gpu", c10::DeviceType::CUDA, true};
};

// The same, where each process keeps a part of what training needs beside the model, and updates
// that part of it: as the launch says, or ZeRO-1 or ZeRO-2 in any case. See docs/sharding.md for
// what it saves and costs.
struct ShardedCpu {
  using Gradients = ShardedGradients;
  static constexpr StrategyTraits traits{"sharded_cpu", c10::DeviceType::CPU, true, std::nullopt};
};
struct Zero1Cpu {
  using Gradients = ShardedGradients;
  static constexpr StrategyTraits traits{"zero1_cpu", c10::DeviceType::CPU, true, Sharding::kZero1};
};
struct Zero2Cpu {
  using Gradients = ShardedGradients;
  static constexpr StrategyTraits traits{"zero2_cpu", c10::DeviceType::CPU, true, Sharding::kZero2};
};
struct ShardedGpu {
  using Gradients = ShardedGradients;
  static constexpr StrategyTraits traits{"sharded_gpu", c10::DeviceType::CUDA, true, std::nullopt};
};
struct Zero1Gpu {
  using Gradients = ShardedGradients;
  static constexpr StrategyTraits traits{"zero1_gpu", c10::DeviceType::CUDA, true,
                                         Sharding::kZero1};
};
struct Zero2Gpu {
  using Gradients = ShardedGradients;
  static constexpr StrategyTraits traits{"zero2_gpu", c10::DeviceType::CUDA, true,
                                         Sharding::kZero2};
};

template <class T>
concept Strategy = requires {
  typename T::Gradients;
  { T::traits } -> std::same_as<const StrategyTraits&>;
};

}  // namespace accelerate
