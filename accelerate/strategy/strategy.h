// Where a program trains: on which kind of device, and in how many processes. A strategy is a
// policy type without state or virtual calls; its one member `traits` says all there is to know
// about it.
//
//   template <accelerate::Strategy S> void report() { std::cout << S::traits << "\n"; }
//
// Not for choosing at run time: ACCELERATE_MAIN does that, from flags and environment. A strategy
// of your own is a struct with a `traits` member; see CONTRIBUTING.md.
#pragma once

#include <c10/core/DeviceType.h>

#include <concepts>
#include <ostream>
#include <string_view>

namespace accelerate {

// Everything the engine asks of a strategy. Printable and comparable.
struct StrategyTraits {
  std::string_view name;
  // The device of the model and the batches.
  c10::DeviceType device;
  // Whether several processes train one model, their gradients averaged.
  bool multi_process;

  friend constexpr bool operator==(const StrategyTraits&, const StrategyTraits&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StrategyTraits& traits) {
    return out << traits.name;
  }
};

// One process on the CPU.
struct Cpu {
  static constexpr StrategyTraits traits{"cpu", c10::DeviceType::CPU, false};
};

// Several processes on the CPU, on one machine or many; collectives through shared memory inside a
// machine and by Gloo between machines.
struct MultiCpu {
  static constexpr StrategyTraits traits{"multi_cpu", c10::DeviceType::CPU, true};
};

// One process on one GPU.
struct Gpu {
  static constexpr StrategyTraits traits{"gpu", c10::DeviceType::CUDA, false};
};

// A process for each GPU, on one machine or many; collectives by NCCL.
struct MultiGpu {
  static constexpr StrategyTraits traits{"multi_gpu", c10::DeviceType::CUDA, true};
};

template <class T>
concept Strategy = requires {
  { T::traits } -> std::same_as<const StrategyTraits&>;
};

}  // namespace accelerate
