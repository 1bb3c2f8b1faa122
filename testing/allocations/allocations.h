// Counts how often a test's own program and the libraries that it loads ask for memory of the host:
// calls of malloc() and its kin, which operator new and LibTorch's allocator make in the end.
//
//   const int64_t before = allocation_count();
//   optimizer.step();
//   EXPECT_EQ(allocation_count() - before, 0);
//
// It defines functions with these names, which are found before the C library's; under a sanitizer
// it uses the sanitizer's hook. It counts all threads, so no thread may be at work that the test
// does not mean to count. Thread-safe.
#pragma once

#include <cstdint>

namespace accelerate {

// The calls since the program began; under a sanitizer, since the first call of this function.
int64_t allocation_count();

}  // namespace accelerate
