#include "accelerate/process/process_share.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace accelerate {
namespace {

// Of 0 to n - 1.
std::vector<int64_t> elements(int64_t n, const ProcessShareOptions& options) {
  const ProcessShare share = share_of_process(n, options);
  std::vector<int64_t> result;
  for (int64_t i = 0; i < share.size; ++i) result.push_back(share.begin + i);
  result.resize(result.size() + share.padding, n - 1);
  return result;
}

TEST(ProcessShare, EqualsRecordedSplitBetweenProcesses) {
  std::ifstream in("accelerate/process/testdata/split_between_processes.json");
  int cases = 0;
  for (const auto& record : nlohmann::json::parse(in)) {
    SCOPED_TRACE(record.dump());
    for (int rank = 0; rank < record["num_processes"]; ++rank) {
      EXPECT_EQ(elements(record["n"], {.rank = rank,
                                       .world_size = record["num_processes"],
                                       .apply_padding = record["apply_padding"]}),
                record["out"][rank].get<std::vector<int64_t>>());
    }
    ++cases;
  }
  EXPECT_EQ(cases, 126);
}

TEST(ProcessShare, OfNothingIsNothing) {
  for (const bool apply_padding : {false, true}) {
    for (const int rank : {0, 2}) {
      EXPECT_TRUE(
          elements(0, {.rank = rank, .world_size = 3, .apply_padding = apply_padding}).empty());
    }
  }
}

}  // namespace
}  // namespace accelerate
