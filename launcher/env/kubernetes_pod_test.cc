#include "launcher/env/kubernetes_pod.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

// As the training operator sets them for the second of two pods with four processes each: RANK is
// the pod's, and WORLD_SIZE that of all processes.
const Variables kPod = {{"RANK", "1"},
                        {"WORLD_SIZE", "8"},
                        {"PET_NODE_RANK", "1"},
                        {"PET_NNODES", "2"},
                        {"MASTER_PORT", "23456"},
                        {"MASTER_ADDR", "job-master-0"},
                        {"PET_NPROC_PER_NODE", "4"}};

absl::StatusOr<std::optional<KubernetesPod>> read(const Variables& variables) {
  return read_kubernetes_pod([&variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

absl::StatusOr<std::optional<KubernetesPod>> read_with(const std::string& name,
                                                       const std::string& value) {
  Variables variables = kPod;
  variables[name] = value;
  return read(variables);
}

TEST(KubernetesPod, HasItsPlaceAmongThePods) {
  EXPECT_EQ(**read(kPod),
            (KubernetesPod{
                .rank = 1, .num_pods = 2, .num_processes = 4, .main = {"job-master-0", 23456}}));
}

TEST(KubernetesPod, HoldsOneProcessUnlessTheJobSaysOtherwise) {
  Variables variables = kPod;
  variables.erase("PET_NPROC_PER_NODE");
  EXPECT_EQ((**read(variables)).num_processes, 1);
  EXPECT_EQ((**read_with("PET_NPROC_PER_NODE", "auto")).num_processes, std::nullopt);
}

TEST(KubernetesPod, IsNoneOfItsProcesses) {
  EXPECT_EQ(*read_with("LOCAL_RANK", "0"), std::nullopt);
  EXPECT_EQ(*read({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), std::nullopt);
}

TEST(KubernetesPod, OfAnElasticJobNeedsAFixedNumberAndARank) {
  EXPECT_EQ((**read_with("PET_NNODES", "2:2")).num_pods, 2);
  EXPECT_THAT(std::string(read_with("PET_NNODES", "1:2").status().message()),
              HasSubstr("PET_NNODES=1:2 leaves the number of pods open"));
  EXPECT_THAT(
      std::string(read({{"PET_NNODES", "1:2"}, {"PET_RDZV_ENDPOINT", "a:1"}}).status().message()),
      HasSubstr("this elastic job gives its pods no ranks"));
}

TEST(KubernetesPod, NamesTheVariableThatIsWrong) {
  EXPECT_THAT(std::string(read_with("PET_NODE_RANK", "2").status().message()),
              HasSubstr("PET_NODE_RANK=2 is not valid"));
  EXPECT_THAT(std::string(read_with("PET_NPROC_PER_NODE", "many").status().message()),
              HasSubstr("PET_NPROC_PER_NODE=many is not valid"));
  EXPECT_THAT(std::string(read_with("MASTER_PORT", "x").status().message()),
              HasSubstr("MASTER_PORT=x is not valid"));
}

}  // namespace
}  // namespace accelerate::launcher
