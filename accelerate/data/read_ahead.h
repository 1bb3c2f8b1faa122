// Reads a known number of items in worker threads, ahead of the one thread that consumes them in
// order.
//
//   ReadAhead<Batch> batches(/*workers=*/2, /*count=*/100,
//                            [&](int worker, int64_t index) { return read(index); });
//   for (int64_t i = 0; i < 100; ++i) train(batches.next());
//
// Holds at most four items per worker. When there are that many, the workers rest until half of
// them are gone: waking a thread takes microseconds, which the consumer should not spend on every
// item. If reading an item throws, the next() that would have returned the item throws the
// exception. The destructor, which may be called at any time, stops the workers after their current
// items; with a patience, it detaches the workers if one of them has not finished by then, for
// example because it waits for a sender. Call next() from one thread only; all workers call the
// reading function, each with its own number.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace accelerate {

template <class Item>
class ReadAhead {
 public:
  using Read = std::function<Item(int worker, int64_t index)>;

  // With a patience, what the function refers to must live as long as the function does.
  ReadAhead(int workers, int64_t count, Read read,
            std::optional<std::chrono::milliseconds> patience = std::nullopt)
      : shared_(std::make_shared<Shared>(workers, count, std::move(read))), patience_(patience) {
    for (int worker = 0; worker < workers; ++worker) {
      threads_.emplace_back([shared = shared_, worker] { shared->work(worker); });
    }
  }

  ~ReadAhead() {
    const bool come_to_their_end = shared_->stop(patience_);
    for (std::thread& thread : threads_) come_to_their_end ? thread.join() : thread.detach();
  }

  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // The next item in order. Must not be called more than `count` times.
  Item next() { return shared_->next(); }

 private:
  struct Slot {
    std::optional<Item> item;
    std::exception_ptr failure;
  };

  // What the threads share.
  class Shared {
   public:
    Shared(int workers, int64_t count, Read read)
        : read_(std::move(read)), count_(count), slots_(4 * workers) {}

    Item next() {
      std::unique_lock lock(mutex_);
      Slot& slot = slots_[consumed_ % slots_.size()];
      filled_.wait(lock, [&slot] { return slot.item.has_value() || slot.failure; });
      Slot taken = std::exchange(slot, Slot());
      ++consumed_;
      const bool wakes = !filling_ && claimed_ - consumed_ <= capacity() / 2;
      if (wakes) filling_ = true;
      lock.unlock();
      if (wakes) room_.notify_all();
      if (taken.failure) std::rethrow_exception(taken.failure);
      return std::move(*taken.item);
    }

    void work(int worker) {
      while (const std::optional<int64_t> index = claim()) {
        Slot result;
        try {
          result.item = read_(worker, *index);
        } catch (...) {
          result.failure = std::current_exception();
        }
        {
          std::lock_guard lock(mutex_);
          slots_[*index % slots_.size()] = std::move(result);
          --reading_;
        }
        filled_.notify_all();
      }
    }

    // Returns whether all workers are about to end.
    bool stop(std::optional<std::chrono::milliseconds> patience) {
      std::unique_lock lock(mutex_);
      stopped_ = true;
      room_.notify_all();
      return !patience || filled_.wait_for(lock, *patience, [this] { return reading_ == 0; });
    }

   private:
    // The next index that no worker has claimed, once there is a slot for it.
    std::optional<int64_t> claim() {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return stopped_ || filling_; });
      if (stopped_ || claimed_ == count_) return std::nullopt;
      const int64_t index = claimed_++;
      ++reading_;
      filling_ = claimed_ - consumed_ < capacity();
      return index;
    }

    int64_t capacity() const { return static_cast<int64_t>(slots_.size()); }

    const Read read_;
    const int64_t count_;
    std::mutex mutex_;
    std::condition_variable filled_;
    std::condition_variable room_;
    std::vector<Slot> slots_;
    int64_t claimed_ = 0;
    int64_t consumed_ = 0;
    // How many workers are reading an item.
    int reading_ = 0;
    // Whether the workers have room, and are not resting.
    bool filling_ = true;
    bool stopped_ = false;
  };

  const std::shared_ptr<Shared> shared_;
  const std::optional<std::chrono::milliseconds> patience_;
  std::vector<std::thread> threads_;
};

}  // namespace accelerate
