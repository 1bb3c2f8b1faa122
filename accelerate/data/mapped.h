// A function applied to each sample of a data set, or to each element of a stream, as it is read.
//
//   auto examples = accelerate::map(accelerate::TensorDataset(images, labels), [](auto batch) {
//     batch.data = batch.data.to(at::kFloat) / 255;
//     return batch;
//   });
//   accelerate::DataLoader loader(examples, {.batch_size = 32, .num_workers = 2});
//
// The function receives what one read returns. A data set of single samples (get_batch() returns a
// std::vector) calls it with each sample; one that makes its own batches, such as TensorDataset,
// CsvFile and ImageFolder, with each batch; and a stream (a class whose next() returns a
// std::optional) with each element. Its result replaces its argument, which it owns. It is called
// from the thread that reads: a loader with workers has a copy of the function for each worker.
//
// size(), and if the data has them set_epoch(), reset(), skip(), state() and load_state(), are
// those of the data. Not for leaving samples out: each sample yields exactly one. Thread-safe only
// if both the data and the function are.
#pragma once

#include <torch/data/datasets/base.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/data/map_reader.h"
#include "accelerate/data/stream.h"
#include "accelerate/nested/structure.h"

namespace accelerate {

namespace internal {

template <class T>
inline constexpr bool ends_by_itself = false;
template <class Value>
inline constexpr bool ends_by_itself<std::optional<Value>> = true;

template <class Data>
concept MapStyleData = requires {
  typename Data::BatchType;
  typename Data::BatchRequestType;
};

template <class Data>
concept HasReset = requires(Data& data) {
  data.reset();
};
template <class Data>
concept HasSkip = requires(Data& data) {
  data.skip(int64_t{0});
};
template <class Data>
concept HasState = requires(Data& data) {
  data.state();
};
template <class Data, class State>
concept LoadsState = requires(Data& data, const State& state) {
  data.load_state(state);
};
template <class Data>
concept HasSize = requires(const Data& data) {
  data.size();
};

template <class Function, class Argument>
struct MappedValue {
  static_assert(std::is_invocable_v<Function&, Argument>,
                "accelerate::map: the function cannot be called with what the data set reads: a "
                "sample of one whose get_batch() gives a std::vector, and a batch of others; take "
                "it by value or by const reference");
  using Type = std::remove_cvref_t<std::invoke_result_t<Function&, Argument>>;
  static_assert(!std::is_void_v<Type>,
                "accelerate::map: the function returns nothing; let it return the sample");
};

// What get_batch() returns, once the function has been applied.
template <class Function, class Batch>
struct MappedBatch : MappedValue<Function, Batch> {};
template <class Function, class Element, class Allocator>
struct MappedBatch<Function, std::vector<Element, Allocator>> {
  using Type = std::vector<typename MappedValue<Function, Element>::Type>;
};

// The data and the function, and what a program tells the data about epochs and positions.
template <class Data, class Function>
class MappedData {
 public:
  MappedData(Data data, Function function)
      : data_(std::move(data)), function_(std::move(function)) {}

  void set_epoch(int64_t epoch) requires KnowsEpochs<Data> { data_.set_epoch(epoch); }
  void reset() requires HasReset<Data> { data_.reset(); }
  auto skip(int64_t count) requires HasSkip<Data> { return data_.skip(count); }
  auto state() const requires HasState<const Data> { return data_.state(); }
  auto state() requires(HasState<Data> && !HasState<const Data>) { return data_.state(); }
  template <class State>
  void load_state(const State& state) requires LoadsState<Data, State> {
    data_.load_state(state);
  }

 protected:
  Data data_;
  Function function_;
};

}  // namespace internal

template <class Data, class Function>
class MappedDataset : public torch::data::datasets::BatchDataset<
                          MappedDataset<Data, Function>,
                          typename internal::MappedBatch<Function, typename Data::BatchType>::Type,
                          typename Data::BatchRequestType>,
                      public internal::MappedData<Data, Function> {
 public:
  using BatchType = typename internal::MappedBatch<Function, typename Data::BatchType>::Type;
  static_assert(!internal::ends_by_itself<typename Data::BatchType>,
                "accelerate::map does not take LibTorch's data sets with a state; give a stream, a "
                "class whose next() gives a std::optional, or apply the function to the loader's "
                "batches");

  using internal::MappedData<Data, Function>::MappedData;

  BatchType get_batch(typename Data::BatchRequestType request) override {
    if constexpr (internal::is_vector<typename Data::BatchType>) {
      auto batch = this->data_.get_batch(std::move(request));
      BatchType results;
      results.reserve(batch.size());
      for (auto& sample : batch) results.push_back(this->function_(std::move(sample)));
      return results;
    } else {
      return this->function_(this->data_.get_batch(std::move(request)));
    }
  }
  std::optional<size_t> size() const override { return this->data_.size(); }
};

// The result of map() for a data set that reads its samples one by one.
template <class Data, class Function>
class MappedExamples
    : public torch::data::datasets::Dataset<
          MappedExamples<Data, Function>,
          typename internal::MappedValue<Function, typename Data::ExampleType>::Type>,
      public internal::MappedData<Data, Function> {
 public:
  using ExampleType = typename internal::MappedValue<Function, typename Data::ExampleType>::Type;

  using internal::MappedData<Data, Function>::MappedData;

  ExampleType get(size_t index) override { return this->function_(this->data_.get(index)); }
  std::optional<size_t> size() const override { return this->data_.size(); }
};

template <class Stream, class Function>
class MappedStream : public internal::MappedData<Stream, Function> {
 public:
  using Element = typename internal::MappedValue<
      Function, typename decltype(std::declval<Stream&>().next())::value_type>::Type;

  using internal::MappedData<Stream, Function>::MappedData;

  // Empty once the stream has ended.
  std::optional<Element> next() {
    auto element = this->data_.next();
    if (!element) return std::nullopt;
    return this->function_(*std::move(element));
  }
  auto size() const requires internal::HasSize<Stream> { return this->data_.size(); }
};

template <class Data, class Function>
auto map(Data data, Function function) {
  static_assert(internal::MapStyleData<Data> || StreamLike<Data>,
                "accelerate::map takes a torch::data data set, or a class whose next() gives a "
                "std::optional");
  static_assert(internal::passes_epochs_on<Data>());
  if constexpr (internal::ReadsOneByOne<Data>) {
    return MappedExamples<Data, Function>(std::move(data), std::move(function));
  } else if constexpr (internal::MapStyleData<Data>) {
    return MappedDataset<Data, Function>(std::move(data), std::move(function));
  } else {
    return MappedStream<Data, Function>(std::move(data), std::move(function));
  }
}

}  // namespace accelerate
