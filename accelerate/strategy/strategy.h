// Where a program trains: on which kind of device, and in one process or several. A strategy is a
// policy type without state or virtual calls: `traits` describes it, and the type `Gradients` makes
// the objects that handle gradients between the processes.
//
//   template <accelerate::Strategy S> void report() { std::cout << S::traits << "\n"; }
//
// Not for choosing at run time: ACCELERATE_MAIN does that from flags and the environment. To add a
// strategy, write a struct with these two members; see CONTRIBUTING.md.
#pragma once

#include <c10/core/DeviceType.h>

#include <concepts>
#include <optional>
#include <ostream>
#include <string_view>

#include "launcher/env/sharding_stage.h"

namespace accelerate {

using launcher::Sharding;

// Everything that the engine needs to know about a strategy. Printable and comparable.
struct StrategyTraits {
  std::string_view name;
  // The device of the model and the batches.
  c10::DeviceType device;
  // Whether several processes train one model with averaged gradients.
  bool multi_process;
  // What each process keeps only a part of; none if the launch decides it.
  std::optional<Sharding> sharding = Sharding::kNone;

  friend constexpr bool operator==(const StrategyTraits&, const StrategyTraits&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StrategyTraits& traits) {
    return out << traits.name;
  }
};

// How strategies of one process and of several handle gradients; see
// gradients/strategy_gradients.h.
struct OwnGradients;
struct AveragedGradients;
// See sharding/sharded_strategy.h.
struct ShardedGradients;

// One process on the CPU.
struct Cpu {
  using Gradients = OwnGradients;
  static constexpr StrategyTraits traits{"cpu", c10::DeviceType::CPU, false};
};

// Several processes on the CPU, on one machine or many. Collectives use shared memory inside a
// machine and Gloo between machines.
struct MultiCpu {
  using Gradients = AveragedGradients;
  static constexpr StrategyTraits traits{"multi_cpu", c10::DeviceType::CPU, true};
};

// One process on one GPU.
struct Gpu {
  using Gradients = OwnGradients;
  static constexpr StrategyTraits traits{"gpu", c10::DeviceType::CUDA, false};
};

// One process for each GPU, on one machine or many. Collectives use NCCL.
struct MultiGpu {
  using Gradients = AveragedGradients;
  static constexpr StrategyTraits traits{"multi_gpu", c10::DeviceType::CUDA, true};
};

// The same, but each process keeps and updates only a part of the optimizer's state and of the
// gradients: ShardedCpu and ShardedGpu as the launch says, the others always ZeRO-1 or ZeRO-2. See
// docs/sharding.md for what this saves and costs.
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
