// Arrays for the tests of kernels: at any alignment, with guards that show a write out of bounds.
//
// Example:
//   for (const int64_t count : test_counts()) {
//     TestArray<float> data(count, count % 5);
//     fill_normal(data, 1);
//     scale(data.data(), ElementType::kFloat, count, 0.5);
//     EXPECT_TRUE(data.guards_intact());
//   }
//
// Not for benchmarks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "kernels/types/convert.h"

namespace accelerate::kernels {

// Lengths with all tails of any vector, twice over, and that of a large array.
inline std::vector<int64_t> test_counts() {
  std::vector<int64_t> counts;
  for (int64_t count = 0; count < 68; ++count) counts.push_back(count);
  counts.push_back(10'007);
  return counts;
}

template <class T>
class TestArray {
 public:
  // The array begins `offset` elements after an aligned address.
  TestArray(int64_t count, int64_t offset)
      : storage_(count + 2 * kGuard + offset), begin_(kGuard + offset), count_(count) {
    std::memset(storage_.data(), kGuardByte, storage_.size() * sizeof(T));
    std::fill_n(data(), count, T());
  }

  T* data() { return storage_.data() + begin_; }
  std::span<T> elements() { return {data(), static_cast<std::size_t>(count_)}; }
  T& operator[](int64_t i) { return data()[i]; }

  // All that is to be copied for guards to go with it, the same address modulo 16 as `data`.
  std::span<T> with_guards() { return storage_; }

  bool guards_intact() const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(storage_.data());
    const auto is_guard = [](unsigned char byte) { return byte == kGuardByte; };
    return std::all_of(bytes, bytes + begin_ * sizeof(T), is_guard) &&
           std::all_of(bytes + (begin_ + count_) * sizeof(T), bytes + storage_.size() * sizeof(T),
                       is_guard);
  }

  // Compares bit for bit.
  bool same_as(const TestArray& other) const {
    return count_ == other.count_ &&
           std::memcmp(storage_.data() + begin_, other.storage_.data() + other.begin_,
                       count_ * sizeof(T)) == 0;
  }

 private:
  static constexpr int64_t kGuard = 64;  // More than a vector of any level.
  static constexpr unsigned char kGuardByte = 0xa5;
  std::vector<T> storage_;
  int64_t begin_;
  int64_t count_;
};

template <class T>
void fill_normal(TestArray<T>& array, unsigned seed, double scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  for (T& element : array.elements()) element = convert<T>(normal(generator));
}

}  // namespace accelerate::kernels
