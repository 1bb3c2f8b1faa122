// Ranks that die in a step whose parts the others wait for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <torch/torch.h>

#include <string>
#include <vector>

#include "accelerate/comm/testing/forked_ranks.h"
#include "accelerate/comm/testing/joined_backend.h"
#include "accelerate/sharding/sharded_parameters.h"
#include "accelerate/sharding/sharded_reducer.h"

namespace accelerate {
namespace {

using internal::RankEnd;
using ::testing::HasSubstr;

enum class Phase { kForward, kBackward, kStep };

// One step of three units, in which rank 1 dies.
std::string step(Phase phase, int rank, const internal::Store& store) {
  Communicator communicator(internal::join(store, rank, 3), at::kCPU, internal::kLong);
  std::vector<NamedParameter> leaves;
  for (const char* name : {"first", "second", "third"})
    leaves.push_back({name, torch::ones({100}, torch::requires_grad())});
  ShardedParameters parameters(communicator, leaves, {.first_mb = 1e-6, .cap_mb = 1e-6});
  ShardedReducer reducer(communicator, parameters,
                         {.bucket_cap_mb = 1e-6, .first_bucket_mb = 1e-6});
  const auto dies_in = [&](Phase here) {
    if (rank == 1 && phase == here) raise(SIGKILL);
  };
  dies_in(Phase::kForward);
  reducer.begin(/*eager=*/true);
  // When the unit of the last is on its way.
  leaves[1].tensor.register_hook([&](const at::Tensor&) { dies_in(Phase::kBackward); });
  at::Tensor x = torch::ones({100});
  for (const NamedParameter& leaf : leaves) x = torch::tanh(x * leaf.tensor);
  x.sum().backward();
  reducer.finish();
  std::vector<at::Tensor> stepped;
  for (const NamedParameter& leaf : leaves) stepped.push_back(leaf.tensor);
  parameters.begin_update(stepped);
  dies_in(Phase::kStep);
  parameters.end_update(/*is_complete=*/true);
  return "no error";
}

TEST(ShardedDeaths, NamesTheRankInEachPhaseOfAStep) {
  for (const Phase phase : {Phase::kForward, Phase::kBackward, Phase::kStep}) {
    const std::vector<RankEnd> ends = internal::run_forked(
        3, [phase](int rank, const internal::Store& store) { return step(phase, rank, store); });
    EXPECT_EQ(ends[1].signal, SIGKILL);
    const std::string named = "rank 1 (pid " + std::to_string(ends[1].pid) + ") has died";
    for (const int rank : {0, 2})
      EXPECT_THAT(ends[rank].text, HasSubstr(named)) << static_cast<int>(phase);
  }
}

}  // namespace
}  // namespace accelerate
