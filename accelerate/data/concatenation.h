// Several map-style data sets as one: the samples of the second follow those of the first. With a
// MixtureSampler, the data sets are mixed by weights.
//
//   auto both = accelerate::concatenate(books, web);
//   const MixtureSampler mixture(both.sizes(), {0.3, 0.7});
//   DataLoader loader(both, {.batch_size = 8, .sampler = mixture});
//
// All data sets must return batches of one type: vectors of examples, or tensors and examples of
// tensors whose dimension 0 counts samples. Holds copies of the data sets, and is as thread-safe as
// they are. Not for streams.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <cstdint>
#include <numeric>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "accelerate/data/map_reader.h"

namespace accelerate {

namespace internal {

// Merges batches into one of `size` samples. `places` has, for each of them, the places of its
// samples in the result.
template <class Example>
std::vector<Example> merged(std::vector<std::vector<Example>> batches,
                            const std::vector<std::vector<int64_t>>& places, int64_t size) {
  std::vector<std::optional<Example>> ordered(size);
  for (size_t i = 0; i < batches.size(); ++i) {
    TORCH_CHECK(batches[i].size() == places[i].size(), "a data set returned ", batches[i].size(),
                " samples for ", places[i].size(),
                " requested ones; its get_batch() must return as many as it is asked for");
    for (size_t k = 0; k < places[i].size(); ++k) ordered[places[i][k]] = std::move(batches[i][k]);
  }
  std::vector<Example> result;
  result.reserve(size);
  for (auto& example : ordered) result.push_back(std::move(*example));
  return result;
}
inline at::Tensor merged(const std::vector<at::Tensor>& batches,
                         const std::vector<std::vector<int64_t>>& places, int64_t size) {
  // For each sample of the result, its row among all samples that were read.
  std::vector<int64_t> from(size);
  for (int64_t row = 0; const auto& of_batch : places) {
    for (const int64_t place : of_batch) from[place] = row++;
  }
  const at::Tensor all = at::cat(batches);
  return all.index_select(0, at::tensor(from, at::kLong).to(all.device()));
}
template <class Target>
torch::data::Example<at::Tensor, Target> merged(
    const std::vector<torch::data::Example<at::Tensor, Target>>& batches,
    const std::vector<std::vector<int64_t>>& places, int64_t size) {
  std::vector<at::Tensor> data, targets;
  for (const auto& batch : batches) {
    data.push_back(batch.data);
    if constexpr (std::is_same_v<Target, at::Tensor>) targets.push_back(batch.target);
  }
  if constexpr (std::is_same_v<Target, at::Tensor>) {
    return {merged(data, places, size), merged(targets, places, size)};
  } else {
    return {merged(data, places, size)};
  }
}

// Holds the data sets, and finds the one that a sample belongs to.
template <class... Datasets>
class ConcatenatedData {
 public:
  // Throws c10::Error if one of them has no size.
  explicit ConcatenatedData(Datasets... datasets) : datasets_(std::move(datasets)...) {
    std::apply([this](const auto&... dataset) { (sizes_.push_back(size_of(dataset)), ...); },
               datasets_);
  }

  // The number of samples of each data set.
  const std::vector<int64_t>& sizes() const { return sizes_; }

  // Passed on to the data sets that have a set_epoch().
  void set_epoch(int64_t epoch) requires((KnowsEpochs<Datasets> || ...)) {
    static_assert((passes_epochs_on<Datasets>() && ...));
    for_each([epoch](auto& dataset, size_t) {
      if constexpr (requires { dataset.set_epoch(epoch); }) dataset.set_epoch(epoch);
    });
  }

 protected:
  struct Place {
    size_t dataset;
    size_t sample;
  };
  Place place_of(size_t sample) const {
    Place place = {.dataset = 0, .sample = sample};
    while (place.dataset < sizes_.size() &&
           place.sample >= static_cast<size_t>(sizes_[place.dataset])) {
      place.sample -= sizes_[place.dataset++];
    }
    TORCH_CHECK(place.dataset < sizes_.size(), "sample ", sample, " was asked for, but there are ",
                num_samples(), "; ask for 0 to size() - 1");
    return place;
  }
  size_t num_samples() const { return std::accumulate(sizes_.begin(), sizes_.end(), size_t{0}); }
  // Calls the function with each data set and its number.
  template <class Function>
  void for_each(Function&& function) {
    std::apply(
        [&function](auto&... dataset) {
          size_t number = 0;
          (function(dataset, number++), ...);
        },
        datasets_);
  }

 private:
  template <class Dataset>
  static int64_t size_of(const Dataset& dataset) {
    const std::optional<size_t> size = dataset.size();
    TORCH_CHECK(size.has_value(),
                "concatenate() needs the size of each data set; return a value from size()");
    return static_cast<int64_t>(*size);
  }

  std::tuple<Datasets...> datasets_;
  std::vector<int64_t> sizes_;
};

}  // namespace internal

// For data sets that read their samples one by one, such as all that derive from LibTorch's
// Dataset.
template <class First, class... Others>
class ExampleConcatenation
    : public torch::data::datasets::Dataset<ExampleConcatenation<First, Others...>,
                                            typename First::ExampleType>,
      public internal::ConcatenatedData<First, Others...> {
 public:
  using ExampleType = typename First::ExampleType;
  static_assert((std::is_same_v<ExampleType, typename Others::ExampleType> && ...),
                "concatenate() takes data sets that give examples of one type; map() the others");
  using internal::ConcatenatedData<First, Others...>::ConcatenatedData;

  ExampleType get(size_t index) override {
    const auto place = this->place_of(index);
    std::optional<ExampleType> example;
    this->for_each([&](auto& dataset, size_t number) {
      if (number == place.dataset) example = dataset.get(place.sample);
    });
    return std::move(*example);
  }
  std::optional<size_t> size() const override { return this->num_samples(); }
};

// For data sets that read whole batches.
template <class First, class... Others>
class BatchConcatenation
    : public torch::data::datasets::BatchDataset<BatchConcatenation<First, Others...>,
                                                 typename First::BatchType>,
      public internal::ConcatenatedData<First, Others...> {
 public:
  using Batch = typename First::BatchType;
  static_assert((std::is_same_v<Batch, typename Others::BatchType> && ...),
                "concatenate() takes data sets that give batches of one type; map() the others");
  using internal::ConcatenatedData<First, Others...>::ConcatenatedData;

  Batch get_batch(at::ArrayRef<size_t> samples) override {
    const size_t count = this->sizes().size();
    std::vector<std::vector<size_t>> of_each(count);
    std::vector<std::vector<int64_t>> places_of_each(count);
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto place = this->place_of(samples[i]);
      of_each[place.dataset].push_back(place.sample);
      places_of_each[place.dataset].push_back(static_cast<int64_t>(i));
    }
    std::vector<Batch> batches;
    std::vector<std::vector<int64_t>> places;
    this->for_each([&](auto& dataset, size_t number) {
      // The first data set makes an empty batch.
      if (of_each[number].empty() && !(number == 0 && samples.empty())) return;
      batches.push_back(dataset.get_batch(of_each[number]));
      places.push_back(places_of_each[number]);
    });
    return internal::merged(std::move(batches), places, static_cast<int64_t>(samples.size()));
  }
  std::optional<size_t> size() const override { return this->num_samples(); }
};

template <class... Datasets>
auto concatenate(Datasets... datasets) {
  if constexpr ((internal::ReadsOneByOne<Datasets> && ...)) {
    return ExampleConcatenation<Datasets...>(std::move(datasets)...);
  } else {
    return BatchConcatenation<Datasets...>(std::move(datasets)...);
  }
}

}  // namespace accelerate
