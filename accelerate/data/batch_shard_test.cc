#include "accelerate/data/batch_shard.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace accelerate {
namespace {

using Batches = std::vector<std::vector<size_t>>;

Batches all_batches(const BatchShardOptions& options) {
  const BatchShard shard(options);
  Batches batches;
  for (int64_t i = 0; i < shard.num_batches(); ++i) batches.push_back(shard.positions(i));
  return batches;
}

TEST(BatchShard, EqualsRecordedBatchSamplerShard) {
  std::ifstream in("accelerate/data/testdata/batch_sampler_shard.json");
  int cases = 0;
  for (const auto& record : nlohmann::json::parse(in)) {
    SCOPED_TRACE(record.dump());
    for (int rank = 0; rank < record["num_processes"]; ++rank) {
      EXPECT_EQ(all_batches({.dataset_size = record["n"],
                             .batch_size = record["batch_size"],
                             .rank = rank,
                             .world_size = record["num_processes"],
                             .split_batches = record["split_batches"],
                             .even_batches = record["even_batches"],
                             .drop_last = record["drop_last"]}),
                record["batches"][rank].get<Batches>());
    }
    ++cases;
  }
  EXPECT_GT(cases, 500);
}

TEST(BatchShard, CountsTheSamplesOfTheLastRound) {
  EXPECT_EQ(BatchShard({.dataset_size = 99, .batch_size = 16, .world_size = 2}).remainder(), 3);
  EXPECT_EQ(BatchShard({.dataset_size = 96, .batch_size = 16, .world_size = 2}).remainder(), 0);
  EXPECT_EQ(
      BatchShard({.dataset_size = 99, .batch_size = 16, .world_size = 2, .split_batches = true})
          .remainder(),
      3);
  EXPECT_EQ(BatchShard({.dataset_size = 99, .batch_size = 16, .world_size = 2, .drop_last = true})
                .remainder(),
            -1);
}

TEST(BatchShard, RefusesSizesThatMakeNoSense) {
  EXPECT_THROW(BatchShard({.dataset_size = 9, .batch_size = 0}), c10::Error);
  EXPECT_THROW(BatchShard({.dataset_size = -1}), c10::Error);
  EXPECT_THROW(
      BatchShard({.dataset_size = 9, .batch_size = 3, .world_size = 2, .split_batches = true}),
      c10::Error);
  EXPECT_THROW(BatchShard({.dataset_size = 4, .batch_size = 2}).positions(2), c10::Error);
}

}  // namespace
}  // namespace accelerate
