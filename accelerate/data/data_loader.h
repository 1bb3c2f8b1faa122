// Makes batches of any data: a map-style torch::data data set, or a stream. Accelerator::prepare()
// turns a loader into one that gives each process its share, on its device; before that, it is a
// loader for one process.
//
//   accelerate::DataLoader loader(Digits("digits.csv"), {.batch_size = 32, .shuffle = true});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// Examples of tensors are stacked, or turned into a batch by a function (collate.h). A data set
// that makes its own batches (BatchDataset, or one mapped with a Stack) is used as it is. For
// orders other than the data set's own and a shuffle, see samplers.h; for streams, see stream.h.
// Each pass over the loader is an epoch with its own shuffle. You may break out of a pass, and run
// a pass within a pass. The position of a loader can be saved at any time and loaded in any number
// of processes: see state().
//
// A batch type that may hide a tensor does not compile (see visit_tensors.h). For a GPU, a batch is
// read and its copy started when the batch before it is handed over. Data that cannot be read
// throws ReadError. A copy of a loader shares the data set and the epoch count. Not thread-safe:
// iterate from one thread at a time.
#pragma once

#include <c10/util/Exception.h>
#include <torch/data/datasets/base.h>

#include <chrono>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/data/batch_reader.h"
#include "accelerate/data/collate.h"
#include "accelerate/data/data_loader_options.h"
#include "accelerate/data/device_copies.h"
#include "accelerate/data/dispatch.h"
#include "accelerate/data/epoch_order.h"
#include "accelerate/data/loader_position.h"
#include "accelerate/data/map_reader.h"
#include "accelerate/data/one_ahead.h"
#include "accelerate/data/read_ahead.h"
#include "accelerate/data/stream_reader.h"
#include "accelerate/nested/named_tensors.h"
#include "accelerate/nested/visit_tensors.h"
#include "accelerate/phases/phases.h"
#include "accelerate/state/stateful.h"

namespace accelerate {

// Which share of the data a loader gives, and on which device.
struct DataPlacement {
  int rank = 0;
  int world_size = 1;
  bool split_batches = false;
  bool even_batches = true;
  c10::Device device = c10::Device(c10::DeviceType::CPU);
  // The communicator of all ranks, for loaders with `dispatch`; may be null.
  std::shared_ptr<Communicator> communicator = nullptr;
  // Receives the progress; may be null.
  std::shared_ptr<ActiveLoaders> active_loaders = nullptr;
  // Kept for as long as the loader lives.
  std::shared_ptr<const void> registration = nullptr;
};

namespace internal {

// How a loader keeps its data set, and which collate function goes with it.
template <class Dataset, class Collate>
struct LoaderDataOf {
  using Data = MapData<Dataset, Collate>;
  static constexpr bool is_stream = false;
  static constexpr bool makes_batches = std::is_same_v<Collate, WholeBatches>;
};
template <StreamLike Dataset, class Collate>
struct LoaderDataOf<Dataset, Collate> {
  using Data = StreamData<Dataset, Collate>;
  static constexpr bool is_stream = true;
  static constexpr bool makes_batches = std::is_same_v<Collate, WholeBatches>;
};
template <StatefulDataset Dataset, class Collate>
struct LoaderDataOf<Dataset, Collate> {
  using Elements = StatefulElements<Dataset>;
  using Data = StreamData<Elements, std::conditional_t<Elements::makes_batches &&
                                                           std::is_same_v<Collate, DefaultCollate>,
                                                       WholeBatches, Collate>>;
  static constexpr bool is_stream = true;
  static constexpr bool makes_batches = Elements::makes_batches;
};

// The plan of a process's pass, from the placement of its loader.
PassPlan pass_plan(const DataPlacement& placement);
// What is consumed once each process has left out `batches` more batches. Throws c10::Error if an
// epoch with so many entries has fewer.
int64_t consumed_after_skipping(const DataLoaderOptions& options, const PassPlan& plan,
                                int64_t batches, std::optional<int64_t> num_entries);

// None for the CPU, because batches are read there.
std::optional<DeviceCopies> make_device_copies(c10::Device device);

}  // namespace internal

template <class Dataset, class Collate = DefaultCollate>
class DataLoader {
  using Kind = internal::LoaderDataOf<Dataset, Collate>;
  using Data = typename Kind::Data;

 public:
  using Batch = typename Data::Batch;

  // Throws c10::Error when an option does not fit the data.
  DataLoader(Dataset dataset, DataLoaderOptions options, Collate collate = {})
      : state_(std::make_shared<Contents>()) {
    if constexpr (Kind::is_stream) {
      internal::check_options(options, true, std::nullopt);
      state_->data = make_stream(std::move(dataset), options, std::move(collate));
    } else {
      internal::check_options(options, false, dataset.size());
      state_->data = std::make_shared<Data>(std::move(dataset), options, std::move(collate));
    }
    if constexpr (Kind::makes_batches) options.batch_size = std::nullopt;
    state_->options = std::move(options);
  }

  const DataLoaderOptions& options() const { return state_->options; }

  // A loader of the same data with its own epoch count, for one process of several.
  DataLoader placed(const DataPlacement& placement, uint64_t seed) const {
    DataLoader result(*this);
    result.state_ = std::make_shared<Contents>(*state_);
    // Those that are under way are of the other loader.
    result.state_->passes.clear();
    result.state_->placement = placement;
    result.state_->copies = internal::make_device_copies(placement.device);
    result.state_->options.seed = seed;
    result.state_->origin = state_;
    if (placement.active_loaders) placement.active_loaders->add(result.state_);
    TORCH_CHECK(!result.state_->is_dispatched() || placement.communicator,
                "a loader with dispatch needs a communicator to send its batches");
    // Throws at once if the batches cannot be split.
    internal::round_size(options(), placement.world_size, placement.split_batches);
    return result;
  }

  // Whether it came from placed() with these.
  bool is_placed_in(const ActiveLoaders* loaders) const {
    return loaders != nullptr && state_->placement.active_loaders.get() == loaders;
  }
  // Identifies the loader's data; the same for all copies of the loader.
  const void* identity() const { return state_.get(); }

  // Batches of this process in an epoch; with a sampler, in the next epoch. Batches that every pass
  // leaves out are not counted. Streams have no size().
  int64_t size() const requires(!Kind::is_stream) {
    const auto& placement = state_->placement;
    const BatchShard shard(internal::shard_options(state_->options, internal::pass_plan(placement),
                                                   placement.rank, state_->num_entries()));
    return std::max<int64_t>(0, shard.num_batches() - skipped_in_each_pass_);
  }
  // Batches of this process in the next pass. Fewer than size() if that pass starts from a loaded
  // state, or skips some.
  int64_t batches_left() const requires(!Kind::is_stream) {
    const auto& placement = state_->placement;
    internal::PassPlan plan = internal::pass_plan(placement);
    plan.consumed = state_->consumed_with_skipped(state_->skipped_with(skipped_in_each_pass_));
    return BatchShard(internal::shard_options(state_->options, plan, placement.rank,
                                              state_->num_entries()))
        .num_batches();
  }
  int64_t dataset_size() const requires(!Kind::is_stream) {
    const std::optional<size_t> size = state_->data->dataset_size();
    TORCH_CHECK(size.has_value(), "the data set has no size; give its size() a value");
    return static_cast<int64_t>(*size);
  }

  // The epoch of the next pass, which determines its shuffle.
  int64_t epoch() const { return state_->epoch; }
  // If it differs from the epoch of a loaded state, the pass starts at its first batch.
  void set_epoch(int64_t epoch) { state_->set_epoch(epoch); }

  // Starts the next pass this many batches later, in addition to those that it skips already.
  // Skipped batches of a map-style data set are not read; a stream is read past them, or told to
  // skip them.
  void skip(int64_t batches) { state_->skipped += batches; }
  // A loader with the same data, settings and epoch count, each of whose passes skips its first
  // batches.
  DataLoader without_first(int64_t batches) const {
    DataLoader result(*this);
    result.skipped_in_each_pass_ += batches;
    return result;
  }

  // The position of the loader. Within a pass, it is the position after the batch that the program
  // holds; outside of one, it is where the next pass begins, so ask before you leave a pass. It
  // consists of the epoch and of how many samples of its order all processes together have used,
  // without what workers have read ahead. It holds nothing about ranks: any number of processes can
  // continue from it with the same options, and each sample comes once. A round that the remaining
  // samples do not fill is treated like the last round of every epoch (even_batches, drop_last).
  State state() const { return state_->save(skipped_in_each_pass_); }
  // The next pass starts there. Throws c10::Error if it is not the state of a loader; the pass
  // throws if it is the state of a loader of other data.
  void load_state(const State& state) { state_->load(state); }

 private:
  struct Pass;

  static std::shared_ptr<Data> make_stream(Dataset stream, const DataLoaderOptions& options,
                                           Collate collate) {
    if constexpr (StreamLike<Dataset>) {
      return std::make_shared<Data>(std::move(stream), std::move(collate));
    } else {
      const int64_t read_at_once = options.batch_size.value_or(1);
      using Elements = typename Kind::Elements;
      if constexpr (Kind::makes_batches && std::is_same_v<Collate, DefaultCollate>) {
        return std::make_shared<Data>(Elements(std::move(stream), read_at_once), WholeBatches());
      } else {
        return std::make_shared<Data>(Elements(std::move(stream), read_at_once),
                                      std::move(collate));
      }
    }
  }

  // What all copies of a loader share.
  struct Contents final : Stateful {
    std::string_view state_name() const override { return "data_loader"; }
    // Ranks with different numbers of batches reach their ends one after the other.
    bool is_equal_on_all_ranks() const override { return false; }
    State save() override { return save(0); }
    State save(int64_t skipped_in_each_pass) {
      internal::LoaderPosition position = start;
      if (const auto pass = innermost()) {
        position = pass->position;
        position.next_epoch = epoch;
      } else {
        position.epoch = epoch;
        position.next_epoch = epoch_after();
        position.consumed = consumed_with_skipped(skipped_with(skipped_in_each_pass));
      }
      position.seed = options.seed;
      position.unit = internal::unit_of(options, Kind::is_stream);
      if constexpr (!Kind::is_stream) position.size = num_entries(position.epoch);
      return position.to_state();
    }
    void check(const State& state) override { internal::LoaderPosition::from_state(state); }
    void load(const State& state) override {
      start = internal::LoaderPosition::from_state(state);
      epoch = start.epoch;
      resumed_next_epoch = start.next_epoch;
      options.seed = start.seed;
      skipped = 0;
      // A pass that is under way is at another position.
      passes.clear();
    }

    void set_epoch(int64_t new_epoch) {
      if (new_epoch == epoch) return;
      epoch = new_epoch;
      start = {};
      resumed_next_epoch.reset();
    }

    // Of the passes under way, the one that began last; null if there is none.
    std::shared_ptr<const Pass> innermost() {
      while (!passes.empty() && passes.back().expired()) passes.pop_back();
      return passes.empty() ? nullptr : passes.back().lock();
    }
    int64_t epoch_after() const { return resumed_next_epoch.value_or(epoch + 1); }
    uint64_t epoch_seed(int64_t of_epoch) const { return options.seed.value_or(0) + of_epoch; }

    SamplingOptions sampling() const {
      return {options.shuffle, options.sampler, options.batch_sampler};
    }
    // The entries of an epoch. A sampler's are kept, because they may be expensive to make.
    std::shared_ptr<const EpochEntries> entries_of(int64_t of_epoch) {
      const bool is_sampled = options.sampler || options.batch_sampler;
      const uint64_t seed = epoch_seed(of_epoch);
      if (is_sampled && entries && entries_seed == seed) return entries;
      auto made = epoch_entries(sampling(), data->dataset_size(), seed);
      if (is_sampled) {
        entries = made;
        entries_seed = seed;
      }
      return made;
    }
    int64_t num_entries(int64_t of_epoch) {
      if (options.sampler || options.batch_sampler) return entries_of(of_epoch)->size;
      return static_cast<int64_t>(data->dataset_size().value());
    }
    int64_t num_entries() { return num_entries(epoch); }
    bool is_dispatched() const { return options.dispatch && placement.world_size > 1; }

    // How many batches the next pass leaves out. A pass that continues within an epoch is already
    // past those that all passes leave out.
    int64_t skipped_with(int64_t in_each_pass) const {
      return skipped + (start.consumed > 0 ? 0 : in_each_pass);
    }
    int64_t consumed_with_skipped(int64_t batches) {
      internal::PassPlan plan = internal::pass_plan(placement);
      plan.consumed = start.consumed;
      std::optional<int64_t> entries_there;
      if constexpr (!Kind::is_stream) entries_there = num_entries();
      return internal::consumed_after_skipping(options, plan, batches, entries_there);
    }

    DataLoaderOptions options;
    DataPlacement placement;
    // The same for all passes, because LibTorch reuses a batch's memory only on the stream of the
    // batch. None on the CPU.
    std::optional<DeviceCopies> copies;
    std::shared_ptr<Data> data;
    // The epoch of the next pass, and what comes before the pass in that epoch.
    int64_t epoch = 0;
    internal::LoaderPosition start;
    int64_t skipped = 0;
    // The epoch of the pass after a resumed pass, if other passes had begun within that one.
    std::optional<int64_t> resumed_next_epoch;
    std::shared_ptr<const EpochEntries> entries;
    uint64_t entries_seed = 0;
    std::vector<std::weak_ptr<const Pass>> passes;
    // Keeps what this was placed from, so that no other loader gets its identity() while this one
    // exists.
    std::shared_ptr<const void> origin;
  };

  // A batch on its way to the program, and the position of the loader once the program has it.
  struct Taken {
    Batch batch;
    LoaderProgress progress;
    int64_t consumed;
    State stream;
    std::optional<DeviceCopies::Arrival> arrival;
  };
  using Round = internal::Round<Batch>;

  // One pass over the data.
  struct Pass {
    Pass(std::shared_ptr<Contents> owner, std::shared_ptr<internal::BatchReader<Batch>> batches,
         std::exception_ptr reader_failure, internal::LoaderPosition begins)
        : state(std::move(owner)),
          reader(std::move(batches)),
          failure(std::move(reader_failure)),
          position(std::move(begins)) {
      if (state->placement.active_loaders) state->placement.active_loaders->push(progress);
      if (state->is_dispatched()) dispatch.emplace(state->placement.communicator);
      const std::optional<int64_t> rounds = reader ? reader->num_rounds() : 0;
      num_rounds = rounds.value_or(std::numeric_limits<int64_t>::max());
      int workers = reader ? state->options.num_workers : 0;
      if (!rounds) workers = std::min(workers, 1);
      if (workers > 0) {
        // A stream may be waiting for a sender that sends nothing more.
        const auto patience =
            Kind::is_stream ? std::make_optional(std::chrono::milliseconds(1000)) : std::nullopt;
        ahead = std::make_unique<ReadAhead<std::optional<Round>>>(
            workers, num_rounds,
            [reader = reader](int worker, int64_t index) { return reader->read(worker, index); },
            patience);
      }
      if (state->copies) {
        sent = std::make_unique<OneAhead<std::optional<Taken>>>(std::numeric_limits<int64_t>::max(),
                                                                [this](int64_t) { return send(); });
      }
    }

    ~Pass() {
      forget_batch();
      if (ahead) reader->stop();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    std::optional<Round> read() {
      if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
      if (num_read == num_rounds) return std::nullopt;
      // Counts first, so that a program may continue after a batch that could not be read.
      const int64_t index = num_read++;
      return ahead ? ahead->next() : reader->read(0, index);
    }

    // The next batch of this process; std::nullopt if it has had all.
    std::optional<Taken> take() {
      if (has_ended) return std::nullopt;
      std::optional<Round> round = dispatch ? dispatch->next([this] { return read(); }) : read();
      if (!round || !round->batches.front()) {
        has_ended = true;
        return std::nullopt;
      }
      auto& own = *round->batches.front();
      // If rank 0 reads for all, all ranks take part in every round, and none in one after the
      // last.
      has_ended = round->is_last;
      return Taken{std::move(own.batch), own.progress, round->consumed, std::move(round->stream),
                   std::nullopt};
    }

    std::optional<Taken> send() {
      std::optional<Taken> taken = take();
      if (!taken) return taken;
      std::vector<at::Tensor*> tensors;
      visit_tensors(taken->batch, [&tensors](at::Tensor& tensor) { tensors.push_back(&tensor); });
      taken->arrival = state->copies->begin(tensors);
      return taken;
    }

    void forget_batch() {
      if (state->placement.active_loaders)
        state->placement.active_loaders->note_batch(progress.get(), 0);
    }

    // Takes the next batch, or ends the pass.
    bool advance() {
      const PhaseScope reading(Phase::kData);
      std::optional<Taken> taken = sent ? sent->next() : take();
      if (!taken) {
        forget_batch();
        batch.reset();
        progress.reset();
        return false;
      }
      if (taken->arrival) taken->arrival->wait();
      batch.emplace(std::move(taken->batch));
      *progress = taken->progress;
      progress->epoch = position.epoch;
      progress->consumed = taken->consumed;
      if (ActiveLoaders* loaders = state->placement.active_loaders.get()) {
        loaders->note_batch(progress.get(), internal::has_whole_batches(state->options)
                                                ? 0
                                                : taken->consumed - position.consumed);
        if (loaders->keeps_batch && at::GradMode::is_enabled())
          loaders->keep_batch(progress, named_tensors(*batch));
      }
      position.consumed = taken->consumed;
      position.stream = std::move(taken->stream);
      position.stream_consumed = taken->consumed;
      return true;
    }

    std::shared_ptr<Contents> state;
    std::shared_ptr<internal::BatchReader<Batch>> reader;
    // Why rank 0, which reads for all, has no reader: the other ranks must learn of it.
    std::exception_ptr failure;
    std::shared_ptr<LoaderProgress> progress = std::make_shared<LoaderProgress>();
    // The position after the batch that the program has.
    internal::LoaderPosition position;
    int64_t num_rounds = 0;
    int64_t num_read = 0;
    bool has_ended = false;
    // Set if rank 0 reads for all; the other ranks have no reader.
    std::optional<internal::Dispatch<Batch>> dispatch;
    std::optional<Batch> batch;
    // Set for a device; reads from `ahead` if there are workers.
    std::unique_ptr<OneAhead<std::optional<Taken>>> sent;
    // The last member, so that its threads end before what they read from is destroyed.
    std::unique_ptr<ReadAhead<std::optional<Round>>> ahead;
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

  // Begins an epoch. Throws c10::Error if it cannot start at the requested position.
  Iterator begin() {
    internal::LoaderPosition position = state_->start;
    position.epoch = state_->epoch;
    internal::PassPlan plan = internal::pass_plan(state_->placement);
    plan.epoch = position.epoch;
    plan.seed = state_->options.seed.value_or(0);
    plan.stream = position.stream;
    plan.stream_consumed = position.stream_consumed;
    if (state_->is_dispatched()) {
      plan.first_rank = 0;
      plan.num_ranks = plan.world_size;
    }
    const char* unit = internal::unit_of(state_->options, Kind::is_stream);
    const int64_t skipped = state_->skipped_with(skipped_in_each_pass_);
    std::shared_ptr<const EpochEntries> entries;
    if constexpr (!Kind::is_stream) entries = state_->entries_of(position.epoch);
    position.check_fits(unit, entries ? entries->size : 0);
    position.consumed = plan.consumed = state_->consumed_with_skipped(skipped);

    std::shared_ptr<internal::BatchReader<Batch>> reader;
    std::exception_ptr failure;
    if (!state_->is_dispatched() || state_->placement.rank == 0) {
      try {
        reader = state_->data->read(state_->options, plan, entries);
      } catch (...) {
        if (!state_->is_dispatched()) throw;
        failure = std::current_exception();
      }
    }
    // The pass begins when its first batch is there, so that a program may try again.
    const auto pass =
        std::make_shared<Pass>(state_, std::move(reader), std::move(failure), std::move(position));
    Iterator iterator(pass);
    state_->epoch = state_->epoch_after();
    state_->resumed_next_epoch.reset();
    state_->start = {};
    state_->skipped = 0;
    state_->innermost();
    state_->passes.push_back(pass);
    return iterator;
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<Contents> state_;
  int64_t skipped_in_each_pass_ = 0;
};

// A loader with the same data, settings and epoch count, each of whose passes skips its first
// batches: for the rest of an interrupted epoch. Skipped batches of a map-style data set are not
// read. gather_for_metrics() counts samples as usual.
template <class Dataset, class Collate>
DataLoader<Dataset, Collate> skip_first_batches(const DataLoader<Dataset, Collate>& loader,
                                                int64_t batches) {
  return loader.without_first(batches);
}

}  // namespace accelerate
