#include "accelerate/data/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <stdexcept>

namespace accelerate {
namespace {

TEST(ReadAhead, DeliversInOrderWhateverTheWorkersDo) {
  ReadAhead<std::unique_ptr<int64_t>> items(3, 200, [](int worker, int64_t index) {
    std::this_thread::sleep_for(std::chrono::microseconds((index * 37 + worker * 11) % 200));
    return std::make_unique<int64_t>(index);
  });
  for (int64_t i = 0; i < 200; ++i) ASSERT_EQ(*items.next(), i);
}

TEST(ReadAhead, HoldsFourItemsAWorkerAndReadsOnWhenHalfAreGone) {
  std::atomic<int> read = 0;
  ReadAhead<int> items(2, 100, [&read](int, int64_t) { return ++read; });
  const auto expect_read = [&read](int count) {
    while (read < count) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(read, count);
  };
  expect_read(8);
  for (int i = 0; i < 3; ++i) items.next();
  expect_read(8);
  items.next();
  expect_read(12);
}

TEST(ReadAhead, ThrowsAWorkersExceptionWhereItsItemWouldHaveBeen) {
  ReadAhead<int64_t> items(2, 10, [](int, int64_t index) {
    if (index == 3) throw std::runtime_error("no item 3");
    return index;
  });
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(items.next(), i);
  EXPECT_THROW(items.next(), std::runtime_error);
  for (int64_t i = 4; i < 10; ++i) EXPECT_EQ(items.next(), i);
}

TEST(ReadAhead, CanBeLeftHalfWay) {
  for (int taken = 0; taken < 4; ++taken) {
    ReadAhead<int64_t> items(2, 1000, [](int, int64_t index) { return index; });
    for (int i = 0; i < taken; ++i) items.next();
  }
}

TEST(ReadAhead, HasNothingToReadOfNothing) {
  ReadAhead<int> items(2, 0, [](int, int64_t) { return 1; });
}

}  // namespace
}  // namespace accelerate
