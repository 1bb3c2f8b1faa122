// Reads the batches of a stream. Each process reads the whole stream and takes its share, batch by
// batch, as in Hugging Face Accelerate's IterableDatasetShard. Reads one round ahead, to know
// whether a round is the last one.
//
// Part of the DataLoader; not for others.
#pragma once

#include <c10/util/Exception.h>
#include <torch/data/example.h>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/data/batch_reader.h"
#include "accelerate/data/collate.h"
#include "accelerate/data/data_loader_options.h"
#include "accelerate/data/epoch_order.h"
#include "accelerate/data/read_error.h"
#include "accelerate/data/sample_generator.h"
#include "accelerate/data/stream.h"
#include "accelerate/nested/structure.h"
#include "accelerate/nested/visit_tensors.h"

namespace accelerate::internal {

// The share of each process in a round of a stream, by the places of the elements in the round.
struct StreamShares {
  int64_t round_size = 1;
  int64_t batch_size = 1;
  int first_rank = 0;
  int num_ranks = 1;
  bool drop_last = false;
  // Whether the last round is filled up from the first.
  bool is_filled = false;
  bool even_batches = false;

  int64_t begin_of(int rank) const { return rank * batch_size; }
  // How many elements of a round of `count` belong to the process.
  int64_t count_of(int rank, int64_t count) const {
    return std::clamp<int64_t>(count - begin_of(rank), 0, batch_size);
  }
  // Whether the process has a batch in a round of `count` elements.
  bool has_batch(int rank, int64_t count) const {
    if (count == 0 || (drop_last && count < round_size)) return false;
    return even_batches || count_of(rank, count) > 0;
  }
};
StreamShares stream_shares(const DataLoaderOptions& options, const PassPlan& plan);
// Throws c10::Error if a stream should continue after more elements than it has.
void check_was_skipped(int64_t skipped, int64_t expected, int64_t round_size);

// Whether it holds tensors, which a program or a collate function may change in place.
template <class T>
inline constexpr bool holds_tensors = TensorLike<T>;
template <class Data, class Target>
inline constexpr bool holds_tensors<torch::data::Example<Data, Target>> = TensorLike<Data>;

template <StreamLike Stream, class Collate>
class StreamReader final
    : public BatchReader<decltype(std::declval<const Collate&>()(
          std::declval<
              std::vector<std::remove_cvref_t<decltype(*std::declval<Stream&>().next())>>>()))> {
 public:
  using Element = std::remove_cvref_t<decltype(*std::declval<Stream&>().next())>;
  using Batch = decltype(std::declval<const Collate&>()(std::declval<std::vector<Element>>()));

  static_assert(
      std::is_copy_constructible_v<Element>,
      "elements of a stream are used a second time to fill up the last round: make them of a "
      "type that can be copied");

  StreamReader(std::shared_ptr<StreamStarts<Stream>> starts, const DataLoaderOptions& options,
               const PassPlan& plan, Collate collate)
      : starts_(std::move(starts)),
        shares_(stream_shares(options, plan)),
        one_by_one_(has_whole_batches(options)),
        plan_(plan),
        collate_(std::move(collate)),
        stream_(starts_->begin(plan.epoch)) {}

  std::optional<int64_t> num_rounds() const override { return std::nullopt; }
  void stop() override { is_stopped_ = true; }

  std::optional<Round<Batch>> read(int, int64_t) override {
    if (!is_positioned_) {
      go_to_position();
      read_coming();
    }
    if (coming_.failure) {
      const std::exception_ptr failure = std::exchange(coming_.failure, nullptr);
      // Reads what follows the element that could not be read, for a program that continues.
      read_coming();
      std::rethrow_exception(failure);
    }
    Coming now = std::exchange(coming_, Coming());
    if (!shares_.has_batch(0, now.count)) return std::nullopt;
    read_coming();

    Round<Batch> round;
    round.is_last = !coming_.failure && !shares_.has_batch(0, coming_.count);
    round.consumed = now.consumed;
    round.stream = std::move(now.stream);
    for (int i = 0; i < shares_.num_ranks; ++i) round.batches.push_back(batch_of(i, now));
    return round;
  }

 private:
  // A round as it is read. Keeps only the elements of the processes that this reader reads for.
  struct Coming {
    std::vector<std::vector<Element>> elements;
    int64_t count = 0;
    // How much of the epoch is consumed after this round.
    int64_t consumed = 0;
    State stream;
    // Why the element after the last one could not be read.
    std::exception_ptr failure;
  };

  // One element; std::nullopt at the end.
  std::optional<Element> next() {
    if (has_ended_ || is_stopped_) return std::nullopt;
    const int64_t number = consumed_++;
    ReadingScope scope(plan_.seed, plan_.epoch, number);
    auto element = guarded_read([this] { return stream_->next(); },
                                [number] { return describe_element(number); });
    if (!element.has_value()) {
      has_ended_ = true;
      --consumed_;
      return std::nullopt;
    }
    return std::optional<Element>(std::move(*element));
  }

  // Keeps the elements of the first round, to fill up the last.
  void remember(const Element& element) {
    if (!shares_.is_filled || static_cast<int64_t>(first_.size()) == shares_.round_size) return;
    first_.push_back(element);
    // Stacking makes copies; otherwise changes to the first batch would also appear in the last
    // one.
    constexpr bool is_stacked = std::is_same_v<Collate, DefaultCollate> && !is_vector<Batch>;
    constexpr bool is_in_batch =
        std::is_same_v<Element, Batch> || std::is_same_v<std::vector<Element>, Batch>;
    if constexpr (is_in_batch || (holds_tensors<Element> && !is_stacked)) {
      visit_tensors(first_.back(), [](at::Tensor& tensor) {
        if (tensor.defined()) tensor = tensor.clone();
      });
    }
  }

  void go_to_position() {
    is_positioned_ = true;
    const int64_t position = plan_.consumed;
    if constexpr (requires(Stream & stream, const State& state) { stream.load_state(state); }) {
      if (!plan_.stream.values().empty()) {
        stream_->load_state(plan_.stream);
        consumed_ = plan_.stream_consumed;
        knows_first_ = false;
      }
    }
    if constexpr (requires { stream_->skip(position); }) {
      if (position > consumed_) {
        stream_->skip(position - consumed_);
        consumed_ = position;
        knows_first_ = false;
      }
    }
    TORCH_CHECK(knows_first_ || !shares_.is_filled || StreamStarts<Stream>::can_begin_again,
                "a pass that begins within an epoch must read the first round again to fill up the "
                "last, but the stream cannot start again; give it a reset(), or set even_batches "
                "to false");
    while (consumed_ < position && !has_ended_ && !is_stopped_) {
      try {
        const std::optional<Element> element = next();
        if (element && knows_first_) remember(*element);
      } catch (const ReadError&) {
        // When it was this element's turn, the program continued after the error.
      }
    }
    if (!is_stopped_) check_was_skipped(consumed_, position, shares_.round_size);
  }

  // Continues to read the coming round. An error is thrown only when it is that round's turn.
  void read_coming() {
    coming_.elements.resize(shares_.num_ranks);
    try {
      while (coming_.count < shares_.round_size) {
        std::optional<Element> element = next();
        if (!element) break;
        const int64_t place = coming_.count++;
        if (knows_first_) remember(*element);
        const int64_t part = place / shares_.batch_size - shares_.first_rank;
        if (part >= 0 && part < shares_.num_ranks)
          coming_.elements[part].push_back(std::move(*element));
      }
    } catch (...) {
      coming_.failure = std::current_exception();
    }
    coming_.consumed = consumed_;
    if constexpr (requires {
                    { stream_->state() } -> std::convertible_to<State>;
                  }) {
      coming_.stream = cloned(stream_->state());
    }
  }

  std::optional<FetchedBatch<Batch>> batch_of(int part, Coming& now) {
    const int rank = shares_.first_rank + part;
    if (!shares_.has_batch(rank, now.count)) return std::nullopt;
    std::vector<Element>& elements = now.elements[part];
    const int64_t own = static_cast<int64_t>(elements.size());
    if (shares_.is_filled && own < shares_.batch_size) fill(elements, rank, now);
    LoaderProgress progress = {
        .batches_left = shares_.has_batch(rank, coming_.count) || coming_.failure
                            ? LoaderProgress::kUnknownButSome
                            : 0,
        .remainder = one_by_one_ ? -1 : now.count % shares_.round_size,
        .round_size = one_by_one_ ? -1 : shares_.round_size,
        .is_repetition = one_by_one_ && own == 0};
    return FetchedBatch<Batch>{make_batch<Batch>(collate_, std::move(elements), one_by_one_),
                               progress};
  }

  void fill(std::vector<Element>& elements, int rank, const Coming& now) {
    if (!knows_first_) read_first();
    TORCH_CHECK(
        !first_.empty(),
        "the stream returned nothing when it was started again to fill up the last round; give "
        "it a reset() that starts from the beginning");
    for (int64_t place = shares_.begin_of(rank) + static_cast<int64_t>(elements.size());
         static_cast<int64_t>(elements.size()) < shares_.batch_size; ++place) {
      elements.push_back(first_[(place - now.count) % static_cast<int64_t>(first_.size())]);
    }
  }

  // Reads the first round, for a pass that began within the epoch and has not seen it.
  void read_first() {
    stream_ = nullptr;
    stream_ = starts_->begin(plan_.epoch);
    consumed_ = 0;
    has_ended_ = false;
    knows_first_ = true;
    while (static_cast<int64_t>(first_.size()) < shares_.round_size) {
      const std::optional<Element> element = next();
      if (!element) break;
      remember(*element);
    }
    has_ended_ = true;
  }

  const std::shared_ptr<StreamStarts<Stream>> starts_;
  const StreamShares shares_;
  // Whether each element is a batch.
  const bool one_by_one_;
  const PassPlan plan_;
  const Collate collate_;
  std::shared_ptr<Stream> stream_;
  int64_t consumed_ = 0;
  std::atomic<bool> is_stopped_ = false;
  bool is_positioned_ = false;
  bool has_ended_ = false;
  bool knows_first_ = true;
  std::vector<Element> first_;
  Coming coming_;
};

// The data of a loader, for all its passes.
template <StreamLike Stream, class Collate>
class StreamData {
 public:
  using Batch = typename StreamReader<Stream, Collate>::Batch;

  StreamData(Stream stream, Collate collate)
      : collate_(std::move(collate)),
        starts_(std::make_shared<StreamStarts<Stream>>(std::move(stream))) {}

  std::shared_ptr<BatchReader<Batch>> read(const DataLoaderOptions& options, const PassPlan& plan,
                                           const std::shared_ptr<const EpochEntries>&) const {
    return std::make_shared<StreamReader<Stream, Collate>>(starts_, options, plan, collate_);
  }

 private:
  Collate collate_;
  std::shared_ptr<StreamStarts<Stream>> starts_;
};

}  // namespace accelerate::internal
