// Batches from any map-style torch::data data set. Accelerator::prepare() makes it one of several
// processes' share, with the batches on the right device; before that it is a loader for one
// process.
//
//   accelerate::DataLoader loader(Digits("digits.csv"), {.batch_size = 32, .shuffle = true});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// Examples of tensors are stacked; a data set that makes its batches itself (BatchDataset, or one
// mapped with a Stack) is taken as it is. Each pass over the loader is an epoch with a shuffle of
// its own. Breaking out of a pass is fine, and so is a pass within a pass. A batch that may hide a
// tensor does not compile (see visit_tensors.h). For a GPU, a batch is read and its copy begun when
// the batch before it is handed over. Not for streams without a size. A copy refers to the same
// data set and epoch count; iterate over it from one thread at a time.
#pragma once

#include <torch/data/datasets/base.h>
#include <torch/data/transforms/stack.h>

#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/data/active_loaders.h"
#include "accelerate/data/device_copies.h"
#include "accelerate/data/epoch_order.h"
#include "accelerate/data/one_ahead.h"
#include "accelerate/data/read_ahead.h"
#include "accelerate/nested/visit_tensors.h"
#include "accelerate/state/stateful.h"

namespace accelerate {

struct DataLoaderOptions {
  // Of each process; of all together when the Accelerator splits batches.
  int64_t batch_size = 1;
  bool shuffle = false;
  // Of the shuffle; epoch e uses seed + e. Without one, prepare() draws it from rank 0's generator.
  std::optional<uint64_t> seed = std::nullopt;
  // Leaves out a last round that is not full.
  bool drop_last = false;
  // Threads that read ahead, each with its own copy of the data set; 0 reads in the calling thread.
  int num_workers = 0;
};

// Which share of the data a loader gives, and where to.
struct DataPlacement {
  int rank = 0;
  int world_size = 1;
  bool split_batches = false;
  bool even_batches = true;
  c10::Device device = c10::Device(c10::DeviceType::CPU);
  // Who is told about the progress; may be null.
  std::shared_ptr<ActiveLoaders> active_loaders = nullptr;
  // Kept for as long as the loader lives.
  std::shared_ptr<const void> registration = nullptr;
};

namespace internal {

template <class Batch>
auto collate(Batch batch) {
  return batch;
}
template <class Data, class Target>
auto collate(std::vector<torch::data::Example<Data, Target>> batch) {
  return torch::data::transforms::Stack<torch::data::Example<Data, Target>>().apply_batch(
      std::move(batch));
}

// What does not depend on the data set's type. Throws c10::Error when an option makes no sense.
void check_data_loader_options(const DataLoaderOptions& options,
                               std::optional<size_t> dataset_size);
BatchShardOptions make_shard_options(const DataLoaderOptions& options,
                                     const DataPlacement& placement, size_t dataset_size);

// A copy of the data set, which one thread reads at a time. Passes that are under way at once, such
// as one within another, read with threads of their own.
template <class Dataset>
class DatasetCopy {
 public:
  explicit DatasetCopy(const Dataset& dataset) : dataset_(dataset) {}
  DatasetCopy(const DatasetCopy& other)
      : dataset_(other.use([](const Dataset& dataset) { return dataset; })) {}

  // What the function gives for the data set.
  template <class Function>
  auto use(Function&& function) const {
    const std::lock_guard lock(mutex_);
    return function(dataset_);
  }

 private:
  mutable std::mutex mutex_;
  mutable Dataset dataset_;
};

// Where a loader is: the epoch of the pass that is under way, or of the next, the first batch of it
// that was not handed over, the epoch of the pass after it, and the seed of its shuffle.
struct LoaderPosition {
  int64_t epoch = 0;
  int64_t batch = 0;
  int64_t next_epoch = 1;
  std::optional<uint64_t> seed = std::nullopt;
};
State loader_state(const LoaderPosition& position);
LoaderPosition loader_position(const State& state);
// Throws c10::Error when an epoch has no such batch, nor ends with the one before.
void check_first_batch(int64_t first, int64_t num_batches);

// None for the CPU, where batches stay where they were read.
std::optional<DeviceCopies> make_device_copies(c10::Device device);

}  // namespace internal

template <class Dataset>
class DataLoader {
 public:
  using Batch = decltype(internal::collate(std::declval<typename Dataset::BatchType>()));

  // Throws c10::Error when the data set has no size or an option makes no sense.
  DataLoader(Dataset dataset, DataLoaderOptions options) : state_(std::make_shared<Contents>()) {
    internal::check_data_loader_options(options, dataset.size());
    state_->options = options;
    // One copy for each thread that reads: get_batch() need not be safe to call from several.
    const int copies = std::max(options.num_workers, 1);
    state_->datasets.reserve(copies);
    for (int i = 0; i < copies; ++i) state_->datasets.emplace_back(dataset);
  }

  const DataLoaderOptions& options() const { return state_->options; }

  // A loader of the same data, of its own epoch count, for one process of several.
  DataLoader placed(const DataPlacement& placement, uint64_t seed) const {
    DataLoader result(*this);
    result.state_ = std::make_shared<Contents>(*state_);
    result.state_->placement = placement;
    result.state_->copies = internal::make_device_copies(placement.device);
    result.state_->options.seed = seed;
    result.state_->origin = state_;
    if (placement.active_loaders) placement.active_loaders->add(result.state_);
    // Says at once when the batches cannot be shared out.
    BatchShard check(result.shard_options());
    return result;
  }

  // Identifies the loader's data, whatever copies there are of the loader.
  const void* identity() const { return state_.get(); }

  // Batches of this process in an epoch.
  int64_t size() const { return BatchShard(shard_options()).num_batches(); }
  int64_t dataset_size() const {
    return state_->datasets.front().use(
        [](const Dataset& dataset) { return static_cast<int64_t>(*dataset.size()); });
  }

  // The epoch that the next pass begins, which chooses its shuffle.
  int64_t epoch() const { return state_->epoch; }
  // Another than that of a state that was loaded begins with its first batch.
  void set_epoch(int64_t epoch) {
    if (epoch == state_->epoch) return;
    state_->epoch = epoch;
    state_->first_batch = 0;
    state_->resumed_next_epoch.reset();
  }

 private:
  struct Pass;

  // What all copies of a loader share.
  struct Contents final : Stateful {
    std::string_view state_name() const override { return "data_loader"; }
    // Ranks with different numbers of batches come to their end one after the other.
    bool is_equal_on_all_ranks() const override { return false; }
    State save() override {
      const auto pass = innermost();
      return internal::loader_state({.epoch = pass ? pass->epoch : epoch,
                                     .batch = pass ? pass->next : first_batch,
                                     .next_epoch = pass ? epoch : epoch_after(),
                                     .seed = options.seed});
    }
    void load(const State& state) override {
      const internal::LoaderPosition position = internal::loader_position(state);
      epoch = position.epoch;
      first_batch = position.batch;
      resumed_next_epoch = position.next_epoch;
      options.seed = position.seed;
    }

    // The pass that was begun last, of those that are under way; null where none is.
    std::shared_ptr<const Pass> innermost() {
      while (!passes.empty() && passes.back().expired()) passes.pop_back();
      return passes.empty() ? nullptr : passes.back().lock();
    }
    int64_t epoch_after() const { return resumed_next_epoch.value_or(epoch + 1); }

    DataLoaderOptions options;
    DataPlacement placement;
    // One for all passes: LibTorch reuses a batch's memory on its stream only. None on the CPU.
    std::optional<DeviceCopies> copies;
    std::vector<internal::DatasetCopy<Dataset>> datasets;
    // Of the next pass, and the batch that it begins with.
    int64_t epoch = 0;
    int64_t first_batch = 0;
    // Of the pass after a resumed one, which others had been begun within.
    std::optional<int64_t> resumed_next_epoch;
    std::vector<std::weak_ptr<const Pass>> passes;
    // What this was placed from, so that no other loader gets its identity() while this one lives.
    std::shared_ptr<const void> origin;
  };

  // A batch on its way to the device.
  struct Sent {
    Batch batch;
    DeviceCopies::Arrival arrival;
  };

  // One pass over the data.
  struct Pass {
    Pass(std::shared_ptr<Contents> owner, const BatchShardOptions& shard,
         std::optional<uint64_t> seed)
        : state(std::move(owner)),
          order(shard, seed),
          epoch(state->epoch),
          next(std::exchange(state->first_batch, 0)) {
      internal::check_first_batch(next, order.num_batches());
      progress->remainder = order.remainder();
      if (state->placement.active_loaders) state->placement.active_loaders->push(progress);
      const int workers = state->options.num_workers;
      if (workers > 0) {
        ahead = std::make_unique<ReadAhead<Batch>>(workers, order.num_batches() - next,
                                                   [this, first = next](int worker, int64_t index) {
                                                     return read(worker, first + index);
                                                   });
      }
      if (state->copies) {
        sent = std::make_unique<OneAhead<Sent>>(
            order.num_batches() - next,
            [this, first = next](int64_t index) { return send(first + index); });
      }
    }

    Batch read(int worker, int64_t index) {
      const std::vector<size_t> samples = order.samples(index);
      return internal::collate(state->datasets[worker].use(
          [&samples](Dataset& dataset) { return dataset.get_batch(samples); }));
    }

    Batch take(int64_t index) { return ahead ? ahead->next() : read(0, index); }

    Sent send(int64_t index) {
      Batch taken = take(index);
      std::vector<at::Tensor*> tensors;
      visit_tensors(taken, [&tensors](at::Tensor& tensor) { tensors.push_back(&tensor); });
      DeviceCopies::Arrival arrival = state->copies->begin(tensors);
      return {std::move(taken), std::move(arrival)};
    }

    Batch receive() {
      Sent next_sent = sent->next();
      next_sent.arrival.wait();
      return std::move(next_sent.batch);
    }

    // Takes the next batch, or ends the pass.
    bool advance() {
      if (next == order.num_batches()) {
        batch.reset();
        progress.reset();
        return false;
      }
      // Counted first, so that a program may go on after a batch that could not be read.
      const int64_t index = next++;
      batch.emplace(sent ? receive() : take(index));
      progress->batches_left = order.num_batches() - next;
      return true;
    }

    std::shared_ptr<Contents> state;
    EpochOrder order;
    std::shared_ptr<LoaderProgress> progress = std::make_shared<LoaderProgress>();
    const int64_t epoch;
    int64_t next;
    std::optional<Batch> batch;
    // For a device; reads from `ahead`, where there are workers.
    std::unique_ptr<OneAhead<Sent>> sent;
    // Last, so that its threads are gone before what they read from.
    std::unique_ptr<ReadAhead<Batch>> ahead;
  };

 public:
  // An input iterator: each batch is seen once.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using pointer = Batch*;
    using reference = Batch&;

    Batch& operator*() const { return *pass_->batch; }
    Batch* operator->() const { return &*pass_->batch; }
    Iterator& operator++() {
      if (!pass_->advance()) pass_.reset();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, std::default_sentinel_t) {
      return a.pass_ == nullptr;
    }

   private:
    friend class DataLoader;
    explicit Iterator(std::shared_ptr<Pass> pass) : pass_(std::move(pass)) { ++*this; }
    std::shared_ptr<Pass> pass_;
  };

  // Begins an epoch.
  Iterator begin() {
    const DataLoaderOptions& options = state_->options;
    std::optional<uint64_t> seed;
    if (options.shuffle) seed = options.seed.value_or(0) + state_->epoch;
    const auto pass = std::make_shared<Pass>(state_, shard_options(), seed);
    state_->epoch = state_->epoch_after();
    state_->resumed_next_epoch.reset();
    state_->innermost();
    state_->passes.push_back(pass);
    return Iterator(pass);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  BatchShardOptions shard_options() const {
    return internal::make_shard_options(state_->options, state_->placement,
                                        static_cast<size_t>(dataset_size()));
  }

  std::shared_ptr<Contents> state_;
};

}  // namespace accelerate
