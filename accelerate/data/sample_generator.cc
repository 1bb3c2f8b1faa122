#include "accelerate/data/sample_generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/util/Exception.h>

namespace accelerate {
namespace {

thread_local internal::ReadingScope* innermost = nullptr;

// SplitMix64 (Steele, Lea and Flood: Fast splittable pseudorandom number generators, 2014).
uint64_t mixed(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

namespace internal {

ReadingScope::ReadingScope(uint64_t seed, int64_t epoch, int64_t sample)
    : seed_(seed), epoch_(epoch), sample_(sample), outer_(innermost) {
  innermost = this;
}

ReadingScope::~ReadingScope() { innermost = outer_; }

}  // namespace internal

at::Generator sample_generator() {
  TORCH_CHECK(innermost != nullptr,
              "sample_generator() is for what a DataLoader reads, and none is reading in this "
              "thread; make a generator of your own with at::make_generator");
  std::optional<at::Generator>& generator = innermost->generator_;
  if (!generator) {
    const uint64_t epoch =
        mixed(mixed(innermost->seed_) ^ static_cast<uint64_t>(innermost->epoch_));
    generator =
        at::detail::createCPUGenerator(mixed(epoch ^ static_cast<uint64_t>(innermost->sample_)));
  }
  return *generator;
}

}  // namespace accelerate
