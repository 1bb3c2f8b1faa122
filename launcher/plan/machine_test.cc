#include "launcher/plan/machine.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kGpus = {"GPU-1a2b", "GPU-1a3c", "GPU-77ff"};

TEST(VisibleGpus, AreAllWhereTheVariableIsNotSet) {
  EXPECT_EQ(count_visible_gpus(kGpus, std::nullopt), 3);
  EXPECT_EQ(count_visible_gpus({}, std::nullopt), 0);
}

TEST(VisibleGpus, AreNoneWhereTheVariableSaysSo) {
  EXPECT_EQ(count_visible_gpus(kGpus, ""), 0);
  EXPECT_EQ(count_visible_gpus(kGpus, "-1"), 0);
  EXPECT_EQ(count_visible_gpus(kGpus, "NoDevFiles"), 0);
}

TEST(VisibleGpus, CountIndicesUntilTheFirstThatIsNone) {
  EXPECT_EQ(count_visible_gpus(kGpus, "0"), 1);
  EXPECT_EQ(count_visible_gpus(kGpus, "2,0,1"), 3);
  EXPECT_EQ(count_visible_gpus(kGpus, "0, 2"), 2);
  EXPECT_EQ(count_visible_gpus(kGpus, "0,3,1"), 1);
  EXPECT_EQ(count_visible_gpus(kGpus, "0,-1,1"), 1);
  EXPECT_EQ(count_visible_gpus(kGpus, "0,x,1"), 1);
  EXPECT_EQ(count_visible_gpus(kGpus, "0,,1"), 1);
  EXPECT_EQ(count_visible_gpus({}, "0"), 0);
}

TEST(VisibleGpus, CountUuidsByTheirStartUntilTheFirstThatIsNone) {
  EXPECT_EQ(count_visible_gpus(kGpus, "GPU-77ff,GPU-1a2b"), 2);
  EXPECT_EQ(count_visible_gpus(kGpus, "GPU-7"), 1);
  EXPECT_EQ(count_visible_gpus(kGpus, "GPU-77ff,GPU-0,GPU-1a2b"), 1);
  EXPECT_EQ(count_visible_gpus(kGpus, "GPU-1a"), 0) << "the start of two";
}

TEST(VisibleGpus, AreNoneWhereOneIsListedTwice) {
  EXPECT_EQ(count_visible_gpus(kGpus, "0,1,0"), 0);
  EXPECT_EQ(count_visible_gpus(kGpus, "GPU-77ff,GPU-77"), 0);
}

TEST(VisibleGpus, CountOneMigInstance) {
  EXPECT_EQ(count_visible_gpus(kGpus, "MIG-aaaa,MIG-bbbb"), 1);
  EXPECT_EQ(count_visible_gpus({}, "MIG-aaaa"), 0);
}

TEST(GpuUuids, AreNoneWithoutTheLibraryOrItsFunctions) {
  EXPECT_THAT(list_gpu_uuids("libno_such_library.so.1"), IsEmpty());
  EXPECT_THAT(list_gpu_uuids("libm.so.6"), IsEmpty());
}

TEST(GpuUuids, AreThoseOfTheGpusThatWork) {
  EXPECT_THAT(list_gpu_uuids(std::getenv("FAKE_NVML")), ElementsAre("GPU-1", "GPU-3"));
}

TEST(Machine, HasACoreAndNoHiddenGpus) {
  const Machine machine = read_machine([](const std::string& name) -> std::optional<std::string> {
    if (name == "CUDA_VISIBLE_DEVICES") return "";
    return std::nullopt;
  });
  EXPECT_EQ(machine.num_gpus, 0);
  EXPECT_GE(machine.num_cores, 1);
  EXPECT_GT(machine.memory_bytes, 0);
}

}  // namespace
}  // namespace accelerate::launcher
