// The state of LibTorch's default random generators of this process, for the CPU and for the device
// of the training. Each rank has its own.
//
//   Generators generators(device);
//   const State saved = generators.save();
//
// Not for generators that a program constructs itself.
#pragma once

#include <c10/core/Device.h>

#include "accelerate/state/stateful.h"

namespace accelerate {

class Generators final : public Stateful {
 public:
  explicit Generators(c10::Device device) : device_(device) {}

  std::string_view state_name() const override { return "generators"; }
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  c10::Device device_;
};

}  // namespace accelerate
