// Counts how often a test's own program and the libraries that it loads ask for memory of the host:
// calls of malloc() and its kin, to which operator new and LibTorch's allocator come down.
//
//   const int64_t before = allocation_count();
//   optimizer.step();
//   EXPECT_EQ(allocation_count() - before, 0);
//
// By functions of these names that stand before the C library's, or under a sanitizer by its own
// hook. Counts all threads, so a test must have none at work that it does not mean. Thread-safe.
#pragma once

#include <cstdint>

namespace accelerate {

// Since the program began; under a sanitizer since the first call.
int64_t allocation_count();

}  // namespace accelerate
