// Returns items one by one, each time with the next one already begun. For items that continue by
// themselves once begun, as a copy to a GPU does.
//
//   OneAhead<Copy> copies(/*count=*/100, [&](int64_t index) { return begin_copy(index); });
//   for (int64_t i = 0; i < 100; ++i) train_on(copies.next());   // Copy i + 1 is under way.
//
// If beginning an item throws, the next() that would have returned the item throws the exception,
// and the call after that continues with the following item. Items begin in the calling thread: use
// ReadAhead for work that needs threads. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <utility>

namespace accelerate {

template <class Item>
class OneAhead {
 public:
  using Begin = std::function<Item(int64_t index)>;

  OneAhead(int64_t count, Begin begin) : begin_(std::move(begin)), count_(count) {}

  // The next item in order. Must not be called more than `count` times.
  Item next() {
    if (!ahead_.valid()) ahead_ = begin_one();
    Item item = ahead_.get();
    if (begun_ < count_) ahead_ = begin_one();
    return item;
  }

 private:
  // A future, because it holds an item or an exception.
  std::future<Item> begin_one() {
    std::packaged_task<Item()> task([this] { return begin_(begun_++); });
    task();
    return task.get_future();
  }

  Begin begin_;
  int64_t count_;
  int64_t begun_ = 0;
  std::future<Item> ahead_;
};

}  // namespace accelerate
