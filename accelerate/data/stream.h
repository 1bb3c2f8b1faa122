// What a DataLoader accepts as a stream: any class that returns its elements one by one until there
// are no more.
//
//   struct Lines {
//     std::optional<torch::data::Example<>> next();   // None at the end.
//   };
//   DataLoader loader(Lines(), {.batch_size = 32});
//
// The loader uses these members if the stream has them. `void set_epoch(int64_t)` is called first
// when a pass begins. `void reset()` starts again; without it, each pass reads a copy of the stream
// as the loader received it. `void skip(int64_t)` passes over that many elements without reading
// them. `State state() const` and `void load_state(const State&)` save and restore the position
// after everything that next() has returned, so that a resumed run need not read it again.
//
// Every process reads the stream, and all must find the same elements in the same order. A shuffle
// must therefore depend on the epoch only; otherwise let rank 0 read for all (`.dispatch`). Copies
// that share their source, such as a std::shared_ptr to a file, disturb each other if one pass runs
// inside another. A worker that still waits for an element one second after a pass was left is
// detached; it keeps the stream, or its copy of it, until it gets that element.
//
// LibTorch's stateful data sets (torch::data::datasets::StatefulDataset, ChunkDataset) are streams,
// too. Not for data whose samples can be read in any order: a map-style data set can be shuffled,
// and each process reads only its own part.
#pragma once

#include <c10/util/Exception.h>

#include <concepts>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/nested/structure.h"
#include "accelerate/state/state.h"

namespace accelerate {

template <class T>
concept StreamLike = requires(T& stream) {
  { stream.next().has_value() } -> std::convertible_to<bool>;
  *stream.next();
};

namespace internal {

template <class T>
concept StatefulDataset = !StreamLike<T> && requires(T & dataset) {
  dataset.reset();
  { dataset.get_batch(size_t{1}).has_value() } -> std::convertible_to<bool>;
};

// A stateful data set as a stream: of its examples if its batches are vectors of them, otherwise of
// its batches.
template <class Dataset>
class StatefulElements {
  using DatasetBatch = std::remove_cvref_t<decltype(*std::declval<Dataset&>().get_batch(size_t{}))>;

 public:
  static constexpr bool makes_batches = !is_vector<DatasetBatch>;

  StatefulElements(Dataset dataset, int64_t batch_size)
      : dataset_(std::move(dataset)), batch_size_(static_cast<size_t>(batch_size)) {}

  auto next() {
    if constexpr (makes_batches) {
      return dataset_.get_batch(batch_size_);
    } else {
      using Element = typename DatasetBatch::value_type;
      while (next_ == batch_.size()) {
        auto batch = dataset_.get_batch(batch_size_);
        if (!batch) return std::optional<Element>();
        batch_ = std::move(*batch);
        next_ = 0;
      }
      return std::make_optional<Element>(std::move(batch_[next_++]));
    }
  }
  void reset() {
    dataset_.reset();
    next_ = batch_.size();
  }

 private:
  struct Nothing {
    size_t size() const { return 0; }
  };

  Dataset dataset_;
  size_t batch_size_;
  // The examples that were read together, and the index of the first one that was not yet returned.
  std::conditional_t<makes_batches, Nothing, DatasetBatch> batch_;
  size_t next_ = 0;
};

// Gives each pass the stream at its beginning.
template <StreamLike Stream>
class StreamStarts {
 public:
  static constexpr bool can_begin_again =
      std::is_copy_constructible_v<Stream> || requires(Stream & stream) {
    stream.reset();
  };

  explicit StreamStarts(Stream stream) : stream_(std::make_shared<Stream>(std::move(stream))) {}

  // Throws c10::Error if the stream cannot be read again.
  std::shared_ptr<Stream> begin(int64_t epoch) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Stream> stream;
    if constexpr (std::is_copy_constructible_v<Stream>) {
      stream = std::make_shared<Stream>(*stream_);
    } else {
      TORCH_CHECK(in_use_.expired(),
                  "the stream is being read by another pass, or by a worker that still waits for "
                  "its next element, and cannot be copied; end that first");
      TORCH_CHECK(can_begin_again || !was_used_,
                  "the stream was read before, and has neither a reset() nor a copy constructor; "
                  "give it one of them to read it in several epochs");
      // Expires with the pass, unlike the stream itself.
      stream = std::shared_ptr<Stream>(stream_.get(), [kept = stream_](Stream*) {});
      in_use_ = stream;
      was_used_ = true;
    }
    if constexpr (requires { stream->set_epoch(epoch); }) stream->set_epoch(epoch);
    if constexpr (requires { stream->reset(); }) stream->reset();
    return stream;
  }

 private:
  std::mutex mutex_;
  // If it can be copied, the stream as the loader received it.
  std::shared_ptr<Stream> stream_;
  std::weak_ptr<Stream> in_use_;
  bool was_used_ = false;
};

}  // namespace internal
}  // namespace accelerate
