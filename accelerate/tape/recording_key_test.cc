// That LibTorch still leaves the key to others, and where it lies.
#include "accelerate/tape/recording_key.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/DispatchKeySet.h>
#include <gtest/gtest.h>

namespace accelerate::internal {
namespace {

TEST(RecordingKey, HasNoKernelsOfLibTorch) {
  auto& dispatcher = c10::Dispatcher::singleton();
  size_t operators = 0;
  for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
    const auto op = dispatcher.findOp(name);
    if (!op || !op->hasSchema()) continue;
    ++operators;
    EXPECT_FALSE(op->hasKernelForDispatchKey(kRecordingKey))
        << "LibTorch has come to use the key " << c10::toString(kRecordingKey) << " itself: a step "
        << "that is recorded would not see " << name << ". Take another key in recording_key.h.";
  }
  EXPECT_GT(operators, 1000u);
}

TEST(RecordingKey, LiesBelowAutogradAndAutocastAndAboveTheCpu) {
  const c10::DispatchKeySet below(c10::DispatchKeySet::FULL_AFTER, kRecordingKey);
  const char* remedy =
      "the order of LibTorch's dispatch keys has changed: recordings would hold "
      "what autograd or autocast is yet to do. See recording_key.h.";
  EXPECT_FALSE(below.has_any(c10::autograd_dispatch_keyset)) << remedy;
  EXPECT_FALSE(below.has_any(c10::autocast_dispatch_keyset)) << remedy;
  EXPECT_FALSE(below.has(c10::DispatchKey::ADInplaceOrView)) << remedy;
  EXPECT_TRUE(below.has(c10::DispatchKey::CPU)) << remedy;
}

}  // namespace
}  // namespace accelerate::internal
