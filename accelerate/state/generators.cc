#include "accelerate/state/generators.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

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

// By a copy of the generator, which knows what it takes.
void check_state(c10::Device device, const State& state, const char* name) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  at::Generator copy = [&] {
    const std::lock_guard lock(generator.mutex());
    return generator.clone();
  }();
  try {
    copy.set_state(state.tensor(name));
  } catch (const c10::Error& error) {
    TORCH_CHECK(false, "`", name,
                "` of the state is not a state of this kind of random generator: ",
                error.what_without_backtrace());
  }
}

}  // namespace

State Generators::save() {
  State state;
  state.set(kCpu, state_of(at::kCPU));
  if (!device_.is_cpu()) state.set(kDevice, state_of(device_));
  return state;
}

void Generators::check(const State& state) {
  check_state(at::kCPU, state, kCpu);
  if (!device_.is_cpu() && state.contains(kDevice)) check_state(device_, state, kDevice);
}

void Generators::load(const State& state) {
  const at::Tensor& cpu = state.tensor(kCpu);
  // That of a run on the CPU has none for a device, which then goes on as it was seeded.
  if (!device_.is_cpu() && state.contains(kDevice)) set_state(device_, state.tensor(kDevice));
  set_state(at::kCPU, cpu);
}

}  // namespace accelerate
