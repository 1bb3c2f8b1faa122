#include "launcher/config/merge_configs.h"

#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

TEST(MergeConfigs, TakesEachMemberFromTheFirstThatHasIt) {
  const LaunchConfig over = {.distributed_type = DistributedType::kMultiCpu, .num_processes = 2};
  const LaunchConfig base = {.distributed_type = DistributedType::kNo,
                             .mixed_precision = MixedPrecision::kBf16,
                             .num_processes = 8,
                             .same_network = true};
  EXPECT_EQ(merge_configs(over, base), (LaunchConfig{.distributed_type = DistributedType::kMultiCpu,
                                                     .mixed_precision = MixedPrecision::kBf16,
                                                     .num_processes = 2,
                                                     .same_network = true}));
  EXPECT_EQ(merge_configs(over, {}), over);
  EXPECT_EQ(merge_configs({}, base), base);
}

TEST(MergeConfigs, MergesSectionsByTheirKeysInEitherForm) {
  const LaunchConfig over = {.fsdp_config = {{"fsdp_version", "2"}}};
  const LaunchConfig base = {
      .fsdp_config = {{"version", "1"}, {"offload_params", "true"}},
      .parallelism_config = {{"parallelism_config_tp_size", "2"}},
  };
  EXPECT_EQ(merge_configs(over, base),
            (LaunchConfig{.fsdp_config = {{"fsdp_version", "2"}, {"fsdp_offload_params", "true"}},
                          .parallelism_config = {{"parallelism_config_tp_size", "2"}}}));
}

TEST(MergeConfigs, KeepsAValueThatSaysNo) {
  EXPECT_EQ(merge_configs({.use_cpu = false}, {.use_cpu = true}), LaunchConfig{.use_cpu = false});
}

}  // namespace
}  // namespace accelerate::launcher
