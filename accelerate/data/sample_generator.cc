#include "accelerate/data/sample_generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/util/Exception.h>

#include "accelerate/data/mixed_seed.h"

namespace accelerate {
namespace {

thread_local internal::ReadingScope* innermost = nullptr;

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
              "sample_generator() only works while a DataLoader reads, and none is reading in this "
              "thread; make your own generator with at::make_generator");
  std::optional<at::Generator>& generator = innermost->generator_;
  if (!generator) {
    generator = at::detail::createCPUGenerator(
        internal::mixed_seed(innermost->seed_, innermost->epoch_, innermost->sample_));
  }
  return *generator;
}

}  // namespace accelerate
