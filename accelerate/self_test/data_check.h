// Checks that the shards that loaders give the ranks together make up the data set, whatever its
// size. A Report (report.h) runs the checks on all ranks.
//
//   Findings found;
//   check_shards(accelerator, found);
//
// Not for tests of the library: use googletest.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/self_test/findings.h"

namespace accelerate::self_test {

constexpr int64_t kShardBatchSize = 4;

// Calls the function for data sets of several sizes, one of them smaller than the number of
// processes: with the size, whether the set is shuffled, and a name.
template <class Function>
void for_each_data_set(int64_t processes, Function&& function) {
  const int64_t round = kShardBatchSize * processes;
  for (const int64_t size : {int64_t{1}, round - 1, 2 * round, 2 * round + 3}) {
    for (const bool shuffle : {false, true}) {
      function(size, shuffle,
               std::to_string(size) + (shuffle ? " shuffled samples" : " samples in order"));
    }
  }
}

// A loader of the samples 0 to size - 1.
template <class A>
auto prepare_numbers(A& accelerator, int64_t size, bool shuffle) {
  const at::Tensor samples = torch::arange(size);
  return accelerator.prepare(DataLoader(TensorDataset(samples, samples),
                                        {.batch_size = kShardBatchSize, .shuffle = shuffle}));
}

// Expects each sample once in `parts`; in any order if they are shuffled.
inline void expect_each_sample_once(const std::string& name, int64_t size, bool shuffle,
                                    std::vector<at::Tensor> parts, Findings& found) {
  at::Tensor seen = torch::cat(parts).cpu();
  if (shuffle) seen = std::get<0>(seen.sort());
  found.expect_equal(name, torch::arange(size), seen);
}

template <class A>
void check_shards(A& accelerator, Findings& found) {
  const int64_t processes = accelerator.num_processes();
  for_each_data_set(processes, [&](int64_t size, bool shuffle, const std::string& name) {
    auto loader = prepare_numbers(accelerator, size, shuffle);
    const at::Tensor steps = accelerator.gather(torch::tensor({loader.size()})).cpu();
    found.expect_equal("batches of each rank, for " + name, torch::full({processes}, loader.size()),
                       steps);
    // With different numbers of batches, the ranks would wait for one another in the loop.
    if (!steps.eq(steps[0]).all().template item<bool>()) return;
    std::vector<at::Tensor> parts;
    for (auto& batch : loader) parts.push_back(accelerator.gather_for_metrics(batch.data));
    expect_each_sample_once(name, size, shuffle, std::move(parts), found);
  });
}

// For an Accelerator whose even_batches is off.
template <class A>
void check_uneven_shards(A& accelerator, Findings& found) {
  for_each_data_set(
      accelerator.num_processes(), [&](int64_t size, bool shuffle, const std::string& name) {
        auto loader = prepare_numbers(accelerator, size, shuffle);
        // Some ranks may get no batch.
        std::vector<at::Tensor> parts = {torch::empty({0}, torch::kLong).to(accelerator.device())};
        for (auto& batch : loader) parts.push_back(batch.data);
        // Ranks get the batches in turn, so the whole does not have the order of the data set.
        expect_each_sample_once(name, size, /*shuffle=*/true,
                                {accelerator.gather(torch::cat(parts))}, found);
      });
}

}  // namespace accelerate::self_test
