// Reads the batches of a map-style data set, which has a size, and whose samples can be read in any
// order.
//
// Part of the DataLoader; not for others.
#pragma once

#include <c10/util/Exception.h>
#include <torch/data/datasets/base.h>

#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/data/batch_reader.h"
#include "accelerate/data/collate.h"
#include "accelerate/data/data_loader_options.h"
#include "accelerate/data/epoch_order.h"
#include "accelerate/data/read_error.h"
#include "accelerate/data/sample_generator.h"

namespace accelerate::internal {

template <class Dataset>
concept KnowsEpochs = requires(Dataset& dataset) {
  dataset.set_epoch(int64_t{});
};

// Whether a data set would have to be told the epoch, and cannot be, as it is behind one that does
// not pass it on. LibTorch's SharedBatchDataset has operator*().
template <class Dataset>
inline constexpr bool hides_epochs = requires(Dataset& dataset) {
  { *dataset } -> KnowsEpochs;
};
template <class Source, class Transform>
inline constexpr bool hides_epochs<torch::data::datasets::MapDataset<Source, Transform>> =
    KnowsEpochs<Source> || hides_epochs<Source>;

// True; does not compile for a data set that hides epochs.
template <class Dataset>
constexpr bool passes_epochs_on() {
  static_assert(!hides_epochs<Dataset>,
                "LibTorch's map() and SharedBatchDataset hide set_epoch() of the data set below, "
                "which would return the same samples in each epoch; use accelerate::map(), and the "
                "data set itself");
  return true;
}

// A copy of the data set, which one thread at a time reads. Passes that are under way at the same
// time, such as one within another, have separate threads.
template <class Dataset>
class DatasetCopy {
 public:
  explicit DatasetCopy(const Dataset& dataset) : dataset_(dataset) {}
  DatasetCopy(const DatasetCopy& other) : dataset_(other.copied()) {}

  // Tells the data set the epoch, then returns what the function returns for it.
  template <class Function>
  auto use(int64_t epoch, Function&& function) {
    const std::lock_guard lock(mutex_);
    static_assert(passes_epochs_on<Dataset>());
    if constexpr (KnowsEpochs<Dataset>) {
      if (epoch_ != epoch) dataset_.set_epoch(epoch);
      epoch_ = epoch;
    }
    return function(dataset_);
  }

 private:
  Dataset copied() const {
    const std::lock_guard lock(mutex_);
    return dataset_;
  }

  mutable std::mutex mutex_;
  Dataset dataset_;
  // The epoch that the data set was told last; passes of several epochs may be under way.
  std::optional<int64_t> epoch_;
};

// Whether the data set's get_batch() is LibTorch's, which calls get() for each sample.
template <class Dataset>
concept ReadsOneByOne = requires {
  typename Dataset::ExampleType;
  requires std::is_same_v<
      decltype(&Dataset::get_batch),
      decltype(&torch::data::datasets::Dataset<Dataset, typename Dataset::ExampleType>::get_batch)>;
};

template <class Dataset>
auto read_samples(Dataset& dataset, const std::vector<size_t>& samples, ReadingScope& scope,
                  int worker) {
  if constexpr (ReadsOneByOne<Dataset>) {
    std::vector<typename Dataset::ExampleType> batch;
    batch.reserve(samples.size());
    for (const size_t sample : samples) {
      scope.set_sample(static_cast<int64_t>(sample));
      batch.push_back(guarded_read([&] { return dataset.get(sample); },
                                   [&] { return describe_samples({sample}, worker); }));
    }
    return batch;
  } else {
    return guarded_read([&] { return dataset.get_batch(samples); },
                        [&] { return describe_samples(samples, worker); });
  }
}

// The share of a process in what a pass reads of an epoch with `num_entries` entries.
BatchShardOptions shard_options(const DataLoaderOptions& options, const PassPlan& plan, int rank,
                                int64_t num_entries);

// The data of a loader, for all its passes.
template <class Dataset, class Collate>
class MapData {
 public:
  using Examples =
      decltype(std::declval<Dataset&>().get_batch(std::declval<at::ArrayRef<size_t>>()));
  using Batch = decltype(std::declval<const Collate&>()(std::declval<Examples>()));

  MapData(Dataset dataset, const DataLoaderOptions& options, Collate collate)
      : collate_(std::move(collate)), size_(dataset.size()) {
    // One copy for each thread that reads, because get_batch() need not be thread-safe.
    const int copies = std::max(options.num_workers, 1);
    copies_.reserve(copies);
    for (int i = 0; i < copies; ++i) copies_.emplace_back(dataset);
  }

  // std::nullopt for a data set that leaves its size to a sampler. The size at the beginning:
  // asking while a worker reads would mean waiting for it.
  std::optional<size_t> dataset_size() const { return size_; }

  // The data must outlive the reader.
  std::unique_ptr<BatchReader<Batch>> read(const DataLoaderOptions& options, const PassPlan& plan,
                                           std::shared_ptr<const EpochEntries> entries) {
    return std::make_unique<Reader>(*this, options, plan, std::move(entries));
  }

 private:
  class Reader final : public BatchReader<Batch> {
   public:
    Reader(MapData& data, const DataLoaderOptions& options, const PassPlan& plan,
           const std::shared_ptr<const EpochEntries>& entries)
        : data_(data), seed_(plan.seed), epoch_(plan.epoch), one_by_one_(!options.batch_size) {
      for (int i = 0; i < plan.num_ranks; ++i) {
        orders_.emplace_back(shard_options(options, plan, plan.first_rank + i, entries->size),
                             entries);
      }
      if (orders_.front().num_batches() == 0 && entries->size > 0 && plan.consumed == 0 &&
          plan.first_rank == 0) {
        TORCH_WARN_ONCE("this loader returns no batch, because its data set of ", entries->size,
                        " does not fill one round of the ", plan.world_size,
                        " processes, and drop_last leaves the rest out; give a smaller batch_size, "
                        "split_batches, or do without drop_last");
      }
    }

    std::optional<int64_t> num_rounds() const override { return orders_.front().num_batches(); }

    std::optional<Round<Batch>> read(int worker, int64_t index) override {
      if (index >= orders_.front().num_batches()) return std::nullopt;
      Round<Batch> round;
      for (const EpochOrder& order : orders_) {
        if (index < order.num_batches()) {
          round.batches.emplace_back(
              FetchedBatch<Batch>{read(worker, order.samples(index)), progress(order, index)});
        } else {
          round.batches.emplace_back();
        }
      }
      round.is_last = index + 1 == orders_.front().num_batches();
      round.consumed = orders_.front().shard().consumed_after(index + 1);
      return round;
    }

   private:
    Batch read(int worker, const std::vector<size_t>& samples) {
      // Messages name the worker only if there are several.
      const int named_worker = data_.copies_.size() > 1 ? worker : -1;
      auto examples = data_.copies_[worker].use(epoch_, [&](Dataset& dataset) {
        ReadingScope scope(seed_, epoch_, static_cast<int64_t>(samples.front()));
        return read_samples(dataset, samples, scope, named_worker);
      });
      return make_batch<Batch>(data_.collate_, std::move(examples), one_by_one_);
    }

    LoaderProgress progress(const EpochOrder& order, int64_t index) const {
      const bool whole = order.has_whole_batches() || one_by_one_;
      return {.batches_left = order.num_batches() - index - 1,
              .remainder = whole ? -1 : order.shard().remainder(),
              .round_size = whole ? -1 : order.shard().round_size(),
              .is_repetition = whole && order.shard().is_repetition(index)};
    }

    MapData& data_;
    const uint64_t seed_;
    const int64_t epoch_;
    // Whether each sample is a batch.
    const bool one_by_one_;
    // The order of each process that this reads for.
    std::vector<EpochOrder> orders_;
  };

  Collate collate_;
  const std::optional<size_t> size_;
  std::vector<DatasetCopy<Dataset>> copies_;
};

}  // namespace accelerate::internal
