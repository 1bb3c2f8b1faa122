#include "launcher/env/open_mpi.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

EnvironmentLookup lookup_in(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

const std::string kUri = "77.0;tcp://10.0.0.1,192.168.0.1:36597;tcp6://[fd00::2]:55993";
const Variables kBesideMpirun = {{"PMIX_NAMESPACE", "1311375361"},
                                 {"OMPI_MCA_orte_hnp_uri", kUri},
                                 {"OMPI_MCA_orte_local_daemon_uri", kUri}};
const Variables kElsewhere = {{"PMIX_NAMESPACE", "1311375361"},
                              {"OMPI_MCA_orte_hnp_uri", kUri},
                              {"OMPI_MCA_orte_local_daemon_uri", "77.1;tcp://10.0.0.2:1234"}};

TEST(OpenMpi, MeetsOnThisHostWhereAllProcessesAre) {
  const auto place = open_mpi_meeting_place({.size = 2, .local_size = 2}, lookup_in(kElsewhere));
  EXPECT_EQ(place->address, "127.0.0.1");
}

TEST(OpenMpi, MeetsOnTheHostOfMpirun) {
  const MpiPlace main = {.rank = 0, .size = 4, .local_size = 2};
  const auto at_rank_0 = open_mpi_meeting_place(main, lookup_in(kBesideMpirun));
  ASSERT_TRUE(at_rank_0.ok()) << at_rank_0.status();
  EXPECT_EQ(at_rank_0->address, "10.0.0.1");
  EXPECT_EQ(*open_mpi_meeting_place({.rank = 2, .size = 4, .local_size = 2}, lookup_in(kElsewhere)),
            *at_rank_0);
}

TEST(OpenMpi, GivesEachJobAPortOfItsOwn) {
  const MpiPlace place = {.size = 2, .local_size = 2};
  const auto port = [&](const std::string& job) {
    return open_mpi_meeting_place(place, lookup_in({{"PMIX_NAMESPACE", job}}))->port;
  };
  EXPECT_EQ(port("1311375361"), port("1311375361"));
  EXPECT_NE(port("1311375361"), port("1311375362"));
  EXPECT_GE(port("a"), 20480);
  EXPECT_LT(port("a"), 28672);
}

TEST(OpenMpi, MeetsOnTheFirstHostOfAnAllocation) {
  Variables variables = kElsewhere;
  variables["SLURM_JOB_NODELIST"] = "node[07-08]";
  const auto place =
      open_mpi_meeting_place({.rank = 0, .size = 4, .local_size = 2}, lookup_in(variables));
  EXPECT_EQ(place->address, "node07");
}

TEST(OpenMpi, SaysWhatToPassWhereNothingTells) {
  const auto error = [](int rank, const Variables& variables) {
    return std::string(
        open_mpi_meeting_place({.rank = rank, .size = 4, .local_size = 2}, lookup_in(variables))
            .status()
            .message());
  };
  EXPECT_THAT(error(0, kElsewhere), AllOf(HasSubstr("rank 0 is on another host than mpirun"),
                                          HasSubstr("mpirun -x MASTER_ADDR=")));
  EXPECT_THAT(error(1, {}), AllOf(HasSubstr("does not tell on which host rank 0 is"),
                                  HasSubstr("mpirun -x MASTER_ADDR=")));
}

}  // namespace
}  // namespace accelerate::launcher
