// What a DataLoader takes for a stream: anything that gives its elements one by one until there are
// none.
//
//   struct Lines {
//     std::optional<torch::data::Example<>> next();   // None at the end.
//   };
//   DataLoader loader(Lines(), {.batch_size = 32});
//
// Of these members a stream has what it can, and the loader uses what there is: `void
// set_epoch(int64_t)` is told first when a pass begins; `void reset()` begins anew, without which
// each pass reads a copy, as the loader got the stream; `void skip(int64_t)` passes over so many
// elements without reading them; `State state() const` and `void load_state(const State&)` are
// where it is, counting everything that next() has given, so that a resumed run need not read it
// again.
//
// Every process reads the stream, and all must find the same elements in the same order, also after
// a shuffle: that is to come from the epoch, or rank 0 is to read for all (`.dispatch`). Copies
// that share what they read from, such as a std::shared_ptr to a file, disturb each other in passes
// within passes. A worker that waits for an element when a pass is left is let go after a second,
// and owns the stream, or its copy of it, until it gets that element.
//
// LibTorch's stateful data sets (torch::data::datasets::StatefulDataset, ChunkDataset) are streams,
// too. For data any of whose samples can be read at any time, a map-style data set is better: it
// can be shuffled, and each process reads its own part alone.
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

// A stateful data set as a stream: of its examples where its batches are vectors of them, otherwise
// of its batches.
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
  // Those that were read together, and the first that is to be given.
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

  // Throws c10::Error when the stream cannot be read again.
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
      // Ends with the pass, as the stream itself does not.
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
  // As the loader got it, where it can be copied.
  std::shared_ptr<Stream> stream_;
  std::weak_ptr<Stream> in_use_;
  bool was_used_ = false;
};

}  // namespace internal
}  // namespace accelerate
