// Each key of a config file and a program that is built here: it counts, is refused, or is said.
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_keys.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/request/request_checks.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Fate {
  kCounts,     // The launch is another one with it.
  kRefused,    // check_request() has a sentence.
  kSaid,       // ignored_remarks() has a line.
  kSaidByFile  // read_config() has a line.
};

struct Case {
  Fate fate = Fate::kCounts;
  LaunchConfig config = {};
};

const std::map<std::string, Case>& cases() {
  using Type = DistributedType;
  static const std::map<std::string, Case> table = {
      {"compute_environment", {Fate::kSaidByFile}},
      {"debug", {Fate::kCounts}},  // Programs built here do always what it asks for.
      {"deepspeed_config", {Fate::kSaid, {.deepspeed_config = {{"zero_stage", "2"}}}}},
      {"distributed_type", {Fate::kRefused, {.distributed_type = Type::kFsdp}}},
      {"dynamo_config", {Fate::kSaid, {.dynamo_config = {{"dynamo_mode", "max-autotune"}}}}},
      {"enable_cpu_affinity", {Fate::kCounts}},
      {"fp8_config", {Fate::kSaid, {.fp8_config = {{"fp8_backend", "te"}}}}},
      {"fsdp_config", {Fate::kSaid, {.fsdp_config = {{"fsdp_version", "2"}}}}},
      {"gpu_ids", {Fate::kCounts}},
      {"machine_rank", {Fate::kSaid, {.machine_rank = 1}}},
      {"main_process_ip", {Fate::kSaid, {.main_process_ip = "10.0.0.1"}}},
      {"main_process_port", {Fate::kCounts}},
      {"megatron_lm_config",
       {Fate::kSaid, {.megatron_lm_config = {{"megatron_lm_tp_degree", "2"}}}}},
      {"mixed_precision", {Fate::kRefused, {.mixed_precision = MixedPrecision::kFp8}}},
      {"mpirun_config", {Fate::kSaid, {.mpirun_config = {{"mpirun_ccl", "1"}}}}},
      {"num_machines", {Fate::kCounts}},
      {"num_processes", {Fate::kCounts}},
      {"parallelism_config",
       {Fate::kSaid, {.parallelism_config = {{"parallelism_config_cp_backend", "torch"}}}}},
      {"rdzv_backend", {Fate::kRefused, {.rdzv_backend = "etcd"}}},
      {"same_network", {Fate::kCounts}},  // Whichever it says, machines find one another.
      {"use_cpu", {Fate::kCounts}},
  };
  return table;
}

TEST(ConfigKeys, AreHeededRefusedOrSaid) {
  for (const ConfigKey& key : config_keys()) {
    if (key.use != KeyUse::kLaunch) continue;  // read_config() says that they mean nothing.
    ASSERT_EQ(cases().count(key.name), 1u) << key.name << " is new: what happens to it?";
    const auto& [fate, config] = cases().at(key.name);
    const LaunchRequest request = {.config = config};
    EXPECT_EQ(check_request(request, ProgramOrigin::kHere).ok(), fate != Fate::kRefused)
        << key.name;
    const std::vector<std::string> remarks = ignored_remarks(request, ProgramOrigin::kHere);
    if (fate == Fate::kSaid) {
      const std::string name = key.name == "mpirun_config" ? "mpirun_ccl" : key.name;
      EXPECT_THAT(remarks, ElementsAre(HasSubstr(name)));
    } else {
      EXPECT_THAT(remarks, IsEmpty()) << key.name;
    }
  }
}

TEST(ConfigKeys, OfOtherKindsOfTrainingAreRefusedWhereTheyDecide) {
  const auto error = [](const LaunchRequest& request) {
    return std::string(check_request(request, ProgramOrigin::kHere).message());
  };
  const LaunchConfig megatron = {.distributed_type = DistributedType::kMegatronLm};
  EXPECT_THAT(error({.config = megatron}), HasSubstr("leave out --use_megatron_lm"));
  EXPECT_THAT(error({.config = megatron, .file = megatron}),
              HasSubstr("`distributed_type: MEGATRON_LM` in the config file"));
}

TEST(ConfigKeys, ThatSayNothingAreNotSaid) {
  const LaunchConfig config = {
      .main_process_ip = "127.0.0.1",
      .parallelism_config = {{"parallelism_config_tp_size", "1"}},
      .dynamo_config = {{"dynamo_backend", "NO"}, {"dynamo_use_dynamic", "false"}},
  };
  EXPECT_THAT(ignored_remarks({.config = config}, ProgramOrigin::kHere), IsEmpty());
}

TEST(ConfigKeys, OfSeveralMachinesAreSaidOnOne) {
  LaunchConfig config = {.machine_rank = 1, .main_process_ip = "10.0.0.1"};
  for (const ProgramOrigin origin : {ProgramOrigin::kHere, ProgramOrigin::kElsewhere}) {
    EXPECT_THAT(ignored_remarks({.config = config}, origin),
                ElementsAre("machine_rank, main_process_ip have no effect on one machine "
                            "(num_machines is 1) and are ignored."));
  }
  config.num_machines = 2;
  EXPECT_THAT(ignored_remarks({.config = config}, ProgramOrigin::kHere), IsEmpty());
}

}  // namespace
}  // namespace accelerate::launcher
