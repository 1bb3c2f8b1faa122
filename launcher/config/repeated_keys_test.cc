// Keys that stand twice in a file, as people's files have them.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RepeatedKeys, CountAsTheyStandLast) {
  const ReadConfig read =
      parse_ok("distributed_type: 'NO'\nnum_processes: 2\ndebug: false\nnum_processes: 3\n");
  EXPECT_EQ(read.config.num_processes, 3);
  EXPECT_EQ(read.config.debug, false);
  EXPECT_THAT(read.warnings, ElementsAre("my.yaml:4: `num_processes` is also on line 2; the last "
                                         "one counts. Remove one of them."));
}

TEST(RepeatedKeys, CountSoInSectionsAndInJson) {
  const ReadConfig yaml = parse_ok(
      "distributed_type: FSDP\nfsdp_config:\n  fsdp_version: 1\n  fsdp_offload_params: true\n"
      "  'fsdp_version': 2\nnum_processes: 2\n");
  EXPECT_EQ(yaml.config.fsdp_config,
            (ConfigSection{{"fsdp_offload_params", "true"}, {"fsdp_version", "2"}}));
  EXPECT_THAT(
      yaml.warnings,
      ElementsAre(
          "my.yaml:5: `fsdp_version` is also on line 3; the last one counts. Remove one of them."));
  const ReadConfig json = parse_ok(
      "{\"distributed_type\": \"NO\",\n\"debug\": true,\n\"debug\": false,\n\"debug\": true}",
      "my.json");
  EXPECT_EQ(json.config.debug, true);
  EXPECT_THAT(
      json.warnings,
      ElementsAre(
          "my.json:4: `debug` is also on line 3; the last one counts. Remove one of them."));
}

TEST(RepeatedKeys, AreReplacedAsAWhole) {
  const ReadConfig read = parse_ok(
      "fsdp_config: {fsdp_version: 1}\ndistributed_type: FSDP\nnum_processes: 2\n"
      "fsdp_config: {fsdp_offload_params: true}\n");
  EXPECT_EQ(read.config.fsdp_config, (ConfigSection{{"fsdp_offload_params", "true"}}));
}

TEST(RepeatedKeys, AreNotSaidOfAliases) {
  const ReadConfig read =
      parse_ok("distributed_type: TPU\ntpu_name: &x a\ntpu_zone: *x\ncommands: [*x, *x]\n");
  EXPECT_EQ(read.config.commands, (std::vector<std::string>{"a", "a"}));
}

}  // namespace
}  // namespace accelerate::launcher
