// A run that is logged, saved, stopped and gone on with through an Accelerator. Alone in its
// program, as the checkpoint of two processes is loaded by one of them at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/core/test_helpers.h"
#include "formats/metrics/jsonl_reader.h"

namespace accelerate {
namespace {

using testing::ElementsAre;
using testing::Pair;

class TrackingRun : public testing::Test {
 protected:
  template <class Accelerating>
  void begin(Accelerating& accelerator) {
    accelerator.set_checkpoints({.folder = folder_ + "/checkpoints", .keep = 2});
    accelerator.init_trackers("run", {{"lr", 0.1}}, {.folder = folder_ + "/runs"});
  }
  std::vector<std::pair<int64_t, double>> losses(const std::string& run) const {
    const auto history = metrics::read_jsonl(folder_ + "/runs/" + run + "/metrics.jsonl");
    std::vector<std::pair<int64_t, double>> points;
    for (const auto& point : history.value().series.at("loss"))
      points.emplace_back(point.step, point.value);
    return points;
  }

  std::string folder_ = std::string(std::getenv("TEST_TMPDIR")) + "/tracking";
};

TEST_F(TrackingRun, GoesOnInItsFolderHoweverOftenItIsStopped) {
  {
    Full accelerator;
    if (accelerator.is_main_process()) std::filesystem::remove_all(folder_);
    accelerator.wait_for_everyone();
  }
  for (const double value : {1.0, 2.0}) {
    Full accelerator;
    begin(accelerator);
    accelerator.resume();
    const int64_t step = accelerator.progress().step;
    for (int64_t i = step + 1; i <= step + 2; ++i)
      accelerator.log({{"loss", value + accelerator.process_index()}},
                      {.step = i, .mean_over_ranks = true});
    accelerator.progress().step += 2;
    accelerator.save_state();
    // Lost, and logged again by the one that goes on.
    accelerator.log({{"loss", 99.0}});
  }
  {
    // Told to stop before it logs again.
    Full accelerator;
    begin(accelerator);
    accelerator.resume();
    accelerator.save_state();
  }
  {
    Full accelerator;
    begin(accelerator);
    accelerator.resume();
    EXPECT_EQ(accelerator.progress().step, 4);
    accelerator.log({{"loss", 3.0}}, {.step = 5});
    accelerator.progress().step = 5;
    // The last checkpoint behind the end of the run.
    accelerator.end_training();
    accelerator.save_state();
    if (accelerator.is_main_process()) {
      EXPECT_THAT(losses("run"), ElementsAre(Pair(1, 1.5), Pair(2, 1.5), Pair(3, 2.5), Pair(4, 2.5),
                                             Pair(5, 3.0)));
    }
  }
  {
    Full accelerator;
    begin(accelerator);
    accelerator.resume();
    accelerator.log({{"loss", 4.0}});
    accelerator.end_training();
    if (accelerator.is_main_process()) {
      EXPECT_THAT(losses("run").back(), Pair(6, 4.0));
      EXPECT_FALSE(std::filesystem::exists(folder_ + "/runs/run-2"));
    }
    accelerator.wait_for_everyone();
    if (!accelerator.is_main_process()) return;
  }
  // What it was launched with is not for the one that is left.
  Communicator::leave_world();
  for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"}) unsetenv(name);
  Accelerator<Cpu, Fp32> alone;
  begin(alone);
  alone.resume();
  alone.log({{"loss", 5.0}});
  alone.end_training();
  EXPECT_THAT(losses("run").back(), Pair(6, 5.0));
}

}  // namespace
}  // namespace accelerate
