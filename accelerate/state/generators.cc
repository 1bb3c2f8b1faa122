#include "accelerate/state/generators.h"

#include <ATen/Context.h>

#include <mutex>

namespace accelerate {
namespace {

constexpr const char* kCpu = "cpu";
constexpr const char* kDevice = "device";

at::Tensor state_of(c10::Device device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard lock(generator.mutex());
  return generator.get_state();
}

void set_state(c10::Device device, const at::Tensor& state) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_state(state);
}

}  // namespace

State Generators::save() {
  State state;
  state.set(kCpu, state_of(at::kCPU));
  if (!device_.is_cpu()) state.set(kDevice, state_of(device_));
  return state;
}

void Generators::load(const State& state) {
  const at::Tensor& cpu = state.tensor(kCpu);
  // That of a run on the CPU has none for a device, which then goes on as it was seeded.
  if (!device_.is_cpu() && state.contains(kDevice)) set_state(device_, state.tensor(kDevice));
  set_state(at::kCPU, cpu);
}

}  // namespace accelerate
