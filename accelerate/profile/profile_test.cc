// Traces of training steps.
#include "accelerate/profile/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "accelerate/core/accelerator.h"
#include "accelerate/data/tensor_dataset.h"
#include "testing/errors/message_of.h"
#include "testing/errors/warnings.h"

namespace accelerate {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Pair;

using Full = Accelerator<MultiCpu, Fp32>;

std::string new_folder(Full& accelerator) {
  std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/traces_XXXXXX";
  if (accelerator.is_main_process()) {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
  }
  return accelerator.broadcast_object(folder);
}

// How often each name is there.
std::map<std::string, int> names_in(const std::string& path) {
  std::ifstream file(path);
  const auto trace = nlohmann::json::parse(file);
  std::map<std::string, int> names;
  for (const auto& event : trace.at("traceEvents"))
    if (event.contains("dur")) ++names[event.at("name").get<std::string>()];
  return names;
}

struct SmallRun {
  void train(int64_t steps) {
    for (int64_t step = 0; step < steps;) {
      for (auto& batch : loader) {
        optimizer.zero_grad();
        accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
        optimizer.step();
        if (++step == steps) break;
      }
    }
  }

  Full accelerator;
  torch::nn::Linear net{8, 8};
  torch::optim::SGD sgd{net->parameters(), torch::optim::SGDOptions(0.01)};
  PreparedModel<torch::nn::LinearImpl> model = accelerator.prepare(net);
  PreparedOptimizer optimizer = accelerator.prepare(sgd);
  DataLoader<TensorDataset> loader = accelerator.prepare(
      DataLoader(TensorDataset(torch::rand({64, 8}), torch::rand({64, 8})), {.batch_size = 4}));
};

TEST(Profile, NamesOperatorsAndPhasesOfEachRank) {
  SmallRun run;
  const std::string folder = new_folder(run.accelerator);
  {
    const auto profile = run.accelerator.profile({.folder = folder, .record_shapes = true});
    run.train(5);
  }
  const auto names =
      names_in(folder + "/profile_" + std::to_string(run.accelerator.process_index()) + ".json");
  EXPECT_THAT(names, AllOf(Contains(Key("aten::addmm")), Contains(Pair("forward", 5)),
                           Contains(Pair("backward", 5)), Contains(Key("communication")),
                           Contains(Pair("ProfilerStep#4", 1))));
}

// As the reference's test of its own: how many traces come of 100 steps.
TEST(Profile, CallsBackAsOftenAsTheScheduleSays) {
  struct Case {
    ProfileOptions options;
    int calls;
  };
  const Case cases[] = {
      {{.wait = 1, .warmup = 1, .active = 2, .repeat = 1}, 1},
      {{.wait = 1, .warmup = 1, .active = 2, .repeat = 2}, 2},
      {{.skip_first = 1, .warmup = 1, .active = 3, .repeat = 3}, 3},
      {{.skip_first = 3, .wait = 3, .warmup = 2, .active = 1, .repeat = 1}, 1},
      {{.skip_first = 3, .wait = 1, .active = 1, .repeat = 5}, 5},
  };
  SmallRun run;
  for (Case each : cases) {
    int calls = 0;
    each.options.folder = new_folder(run.accelerator);
    each.options.on_trace_ready = [&calls](const std::string& path) {
      ++calls;
      EXPECT_TRUE(std::filesystem::exists(path));
    };
    {
      const auto profile = run.accelerator.profile(each.options);
      run.train(100);
    }
    EXPECT_EQ(calls, each.calls);
  }
}

TEST(Profile, StepsByHandWhereNoOptimizerDoes) {
  SmallRun run;
  const std::string folder = new_folder(run.accelerator);
  {
    auto profile = run.accelerator.profile({.wait = 2, .active = 2, .repeat = 1, .folder = folder});
    torch::NoGradGuard no_grad;
    for (int i = 0; i < 10; ++i) {
      run.model(torch::rand({4, 8}));
      profile.step();
    }
  }
  const auto names = names_in(folder + "/profile_" +
                              std::to_string(run.accelerator.process_index()) + "_step_2.json");
  EXPECT_THAT(names, AllOf(Contains(Pair("evaluation", 2)), Contains(Key("ProfilerStep#3"))));
}

// As a disk without room.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallFiles() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

TEST(Profile, LeavesNothingOfATraceThatHasNoRoom) {
  SmallRun run;
  const std::string folder = new_folder(run.accelerator);
  int calls = 0;
  auto profile = std::make_optional(run.accelerator.profile(
      {.folder = folder, .on_trace_ready = [&calls](const std::string&) { ++calls; }}));
  run.train(100);
  {
    const SmallFiles limit(1 << 16);
    profile.reset();
  }
  EXPECT_EQ(calls, 0);
  run.accelerator.wait_for_everyone();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(Profile, OutlivesACallerWhoCannotTakeItsLastTrace) {
  SmallRun run;
  const std::string folder = new_folder(run.accelerator);
  Warnings warnings;
  {
    const auto profile =
        run.accelerator.profile({.folder = folder, .on_trace_ready = [](const std::string&) {
                                   throw std::runtime_error("the disk is full");
                                 }});
    run.train(2);
  }
  EXPECT_THAT(warnings.all, Contains(HasSubstr("on_trace_ready failed")));
}

TEST(Profile, SaysWhatIsWrong) {
  SmallRun run;
  const std::string folder = new_folder(run.accelerator);
  const auto refusal = [&run](const ProfileOptions& options) {
    return message_of([&] { const auto profile = run.accelerator.profile(options); });
  };
  EXPECT_THAT(refusal({.wait = 1, .folder = folder}), HasSubstr("set `active`"));
  EXPECT_THAT(refusal({.active = -1, .folder = folder}), HasSubstr("active is -1"));
  EXPECT_THAT(refusal({.folder = "/proc/none"}), HasSubstr("/proc/none"));
  EXPECT_THAT(refusal({.folder = folder, .nvtx = true}), HasSubstr("NVTX ranges need a GPU"));
  const auto profile = run.accelerator.profile({.active = 1, .folder = folder});
  EXPECT_THAT(refusal({.active = 1, .folder = folder}), HasSubstr("another profile is open"));
}

}  // namespace
}  // namespace accelerate
