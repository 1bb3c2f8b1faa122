// What a run measures of itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/report/flop_counter.h"
#include "accelerate/report/peak_flops.h"

namespace accelerate {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;

using Full = Accelerator<MultiCpu, Fp32>;
using internal::FlopCounter;

void rest(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

double seconds_in(const MeasuredSteps& measured, Phase phase) {
  return measured.seconds.at(static_cast<size_t>(phase));
}

TEST(StepMeter, GivesEachMomentToOnePhase) {
  StepMeter meter(at::kCPU);
  meter.start();
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point first_ends;
  for (int step = 0; step < 4; ++step) {
    if (step == 1) first_ends = std::chrono::steady_clock::now();
    { const PhaseScope reading(Phase::kData); }
    {
      const PhaseScope forward(Phase::kForward);
      rest(5);
    }
    {
      const PhaseScope backward(Phase::kBackward);
      const PhaseScope waiting(Phase::kCommunication);
      rest(10);
    }
    Phases::heard()->note_step(/*optimizer=*/nullptr, /*samples=*/32);
  }
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - begin;
  { const PhaseScope reading(Phase::kData); }
  const std::chrono::duration<double> behind_first = std::chrono::steady_clock::now() - first_ends;
  const MeasuredSteps measured = meter.measured();
  EXPECT_EQ(measured.steps, 3);
  EXPECT_EQ(measured.samples, 96);
  EXPECT_GE(seconds_in(measured, Phase::kForward), 0.015);
  EXPECT_GE(seconds_in(measured, Phase::kCommunication), 0.03);
  // No moment counts twice, and but for a few instructions at the beginning none is lost.
  EXPECT_LE(measured.total_seconds(), behind_first.count());
  EXPECT_GE(measured.total_seconds() + measured.first_step_seconds + 0.005, all.count());
}

void make_step() {
  { const PhaseScope forward(Phase::kForward); }
  Phases::heard()->note_step(/*optimizer=*/nullptr, /*samples=*/0);
}

TEST(StepMeter, KeepsWhatItHasWhenItIsStopped) {
  StepMeter meter(at::kCPU);
  EXPECT_EQ(meter.measured().steps, 0);
  meter.start();
  for (int i = 0; i < 3; ++i) make_step();
  meter.stop();
  EXPECT_EQ(Phases::heard(), nullptr);
  EXPECT_EQ(meter.measured().steps, 1);
  meter.start();
  EXPECT_EQ(meter.measured().steps, 0);
}

// An evaluation, or saving the run, is no part of what a step takes.
TEST(StepMeter, LeavesOutWhatIsOfNoStep) {
  StepMeter meter(at::kCPU);
  meter.start();
  const at::Tensor a = torch::rand({8, 8});
  for (int i = 0; i < 5; ++i) {
    {
      const PhaseScope evaluation(Phase::kEvaluation);
      torch::mm(a, a);
    }
    {
      const PhaseScope forward(Phase::kForward);
      torch::mm(a, a);
    }
    Phases::heard()->note_step(/*optimizer=*/nullptr, /*samples=*/0);
    const PhaseScope saving(Phase::kAside);
    rest(10);
  }
  const MeasuredSteps measured = meter.measured();
  EXPECT_EQ(measured.steps, 3);
  EXPECT_EQ(measured.flops_per_step, 2 * 8 * 8 * 8);
  EXPECT_EQ(seconds_in(measured, Phase::kAside), 0);
  EXPECT_DOUBLE_EQ(measured.total_seconds(), seconds_in(measured, Phase::kEvaluation) +
                                                 seconds_in(measured, Phase::kForward) +
                                                 seconds_in(measured, Phase::kOther));
}

TEST(PeakFlops, KnowsGpusByWholeWords) {
  EXPECT_EQ(internal::peak_flops_of("NVIDIA A100-SXM4-80GB"), 312e12);
  EXPECT_EQ(internal::peak_flops_of("NVIDIA H100 PCIe"), 756e12);
  EXPECT_EQ(internal::peak_flops_of("NVIDIA H100 80GB HBM3"), 989.4e12);
  EXPECT_EQ(internal::peak_flops_of("NVIDIA L40"), 181e12);
  EXPECT_EQ(internal::peak_flops_of("NVIDIA H200 NVL"), 835e12);
  for (const char* other : {"NVIDIA RTX A1000", "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
                            "NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce RTX 4090 D"})
    EXPECT_EQ(internal::peak_flops_of(other), 0) << other;
}

// Whose random numbers may not depend on when it is asked for a report.
TEST(PeakFlops, IsMeasuredWithoutTheNumbersOfTheTraining) {
  at::manual_seed(1);
  const at::Tensor expected = at::rand({3});
  at::manual_seed(1);
  EXPECT_GT(internal::measure_peak_flops(at::kCPU, at::kFloat), 0);
  EXPECT_GT(internal::measure_peak_flops(at::kCPU, at::kHalf), 0);
  EXPECT_TRUE(at::rand({3}).equal(expected));
}

double flops_of(const std::function<void()>& function) {
  FlopCounter counter;
  function();
  return counter.flops();
}

// Figures of torch.utils.flop_counter for the same.
TEST(FlopCounter, CountsAsPythonDoes) {
  const auto x = torch::rand({4, 8}), weight = torch::rand({16, 8}, torch::requires_grad());
  EXPECT_EQ(flops_of([&] { torch::linear(x, weight); }), 2 * 4 * 8 * 16);
  EXPECT_EQ(flops_of([&] { torch::linear(x, weight).sum().backward(); }), 2 * 2 * 4 * 8 * 16);
  EXPECT_EQ(flops_of([] {
              torch::bmm(torch::rand({3, 4, 5}), torch::rand({3, 5, 6}));
            }),
            2 * 3 * 4 * 5 * 6);
  const auto image = torch::rand({2, 3, 8, 8}, torch::requires_grad());
  const auto filter = torch::rand({6, 3, 3, 3}, torch::requires_grad());
  const double once = 2.0 * 2 * 6 * 6 * (6 * 3 * 3 * 3);
  EXPECT_EQ(flops_of([&] { torch::conv2d(image, filter); }), once);
  EXPECT_EQ(flops_of([&] { torch::conv2d(image, filter).sum().backward(); }), 3 * once);
  const auto q = torch::rand({2, 4, 16, 8}, torch::requires_grad());
  EXPECT_EQ(flops_of([&] { at::scaled_dot_product_attention(q, q, q); }),
            2 * 2 * (2 * 4 * 16 * 16 * 8));
  EXPECT_EQ(flops_of([] { torch::rand({10}).sum(); }), 0);
}

// A run of few steps, on any number of ranks.
struct SmallRun {
  explicit SmallRun(const CheckpointOptions& checkpoints = {})
      : accelerator({.checkpoints = checkpoints}),
        net(torch::nn::Linear(8, 8)),
        sgd(net->parameters(), torch::optim::SGDOptions(0.01)),
        model(accelerator.prepare(net)),
        optimizer(accelerator.prepare(sgd)),
        loader(accelerator.prepare(DataLoader(
            TensorDataset(torch::rand({64, 8}), torch::rand({64, 8})), {.batch_size = 4}))) {}

  void train(const std::function<void()>& after_step = [] {}) {
    for (auto& batch : loader) {
      optimizer.zero_grad();
      accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
      accelerator.clip_grad_norm(model, 1.0);
      optimizer.step();
      after_step();
    }
  }

  Full accelerator;
  torch::nn::Linear net;
  torch::optim::SGD sgd;
  PreparedModel<torch::nn::LinearImpl> model;
  PreparedOptimizer optimizer;
  DataLoader<TensorDataset> loader;
};

TEST(Report, SaysWhereTheTimeGoes) {
  SmallRun run;
  run.accelerator.measure_steps();
  run.train();
  run.train();
  const RunReport report = run.accelerator.report({.tokens_per_sample = 10, .peak_flops = 1e9});
  const auto num_processes = static_cast<size_t>(run.accelerator.num_processes());
  ASSERT_EQ(report.ranks.size(), num_processes);
  const MeasuredSteps& own = report.ranks.back().measured;
  // The first one is told apart; the last one ends as the loader looks for more.
  EXPECT_EQ(own.steps, 2 * 64 / 4 / static_cast<int64_t>(num_processes) - 1);
  EXPECT_EQ(own.samples, own.steps * 4 * static_cast<int64_t>(num_processes));
  for (const Phase phase : {Phase::kData, Phase::kForward, Phase::kBackward, Phase::kOptimizer})
    EXPECT_GT(report.phase_seconds(phase), 0) << to_string(phase);
  EXPECT_EQ(report.phase_seconds(Phase::kCommunication) > 0, num_processes > 1);
  // Forward, and the gradient of the weight.
  EXPECT_EQ(own.flops_per_step, 2 * 2 * 4 * 8 * 8);
  EXPECT_DOUBLE_EQ(report.tokens_per_second(), 10 * report.samples_per_second());
  EXPECT_DOUBLE_EQ(report.share_of_peak(), report.flops_per_second() / 1e9 / num_processes);
  EXPECT_GT(report.goodput, 0);
  EXPECT_LE(report.goodput, 1);
  for (const RankReport& rank : report.ranks) EXPECT_GT(rank.peak_memory, 1 << 20);
  double sum = 0;
  for (size_t i = 0; i < kNumPhases; ++i) sum += report.phase_seconds(static_cast<Phase>(i));
  EXPECT_DOUBLE_EQ(sum, report.step_seconds());

  std::ostringstream text;
  text << report;
  EXPECT_THAT(text.str(), AllOf(HasSubstr("forward"), HasSubstr("samples/s"), HasSubstr("tokens/s"),
                                HasSubstr("of the peak")));
  EXPECT_THAT(report.values(), AllOf(Contains(Key("time/backward")), Contains(Key("goodput"))));
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/report" +
                           std::to_string(run.accelerator.process_index()) + ".html";
  report.save_page(path);
  std::ifstream file(path);
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_THAT(page, AllOf(HasSubstr("Where the time goes"), HasSubstr("<th>backward</th>"),
                          Not(HasSubstr("nan"))));
}

class Notes final : public Tracker {
 public:
  std::string_view name() const override { return "notes"; }
  void start(const TrackedRun& /*run*/) override {}
  void log(const metrics::Record& record) override { records.push_back(record); }

  std::vector<metrics::Record> records;
};

std::map<std::string, double> numbers_of(const metrics::Record& record) {
  std::map<std::string, double> numbers;
  for (const auto& [name, value] : record.values) numbers[name] = std::get<double>(value);
  return numbers;
}

TEST(Report, GoesToTheTrackersByItself) {
  SmallRun run;
  const auto notes = std::make_shared<Notes>();
  run.accelerator.init_trackers("run", {}, {.folder = "", .trackers = {notes}});
  run.accelerator.measure_steps(
      {.log_every = 3, .report = {.tokens_per_sample = 10, .peak_flops = 1e9}});
  int64_t step = 0;
  const auto log = [&] { run.accelerator.log({{"loss", 0.5}}, {.step = 10 * ++step}); };
  run.train(log);
  run.train(log);
  run.accelerator.measure_steps(false);
  log();
  run.accelerator.end_training();
  if (!run.accelerator.is_main_process()) {
    EXPECT_TRUE(notes->records.empty());
    return;
  }
  std::vector<int64_t> steps;
  for (const metrics::Record& record : notes->records) {
    const auto numbers = numbers_of(record);
    if (numbers.contains("loss")) continue;
    steps.push_back(record.step);
    double sum = 0;
    for (const auto& [name, value] : numbers)
      if (name.starts_with("report/time/") && name != "report/time/step") sum += value;
    EXPECT_NEAR(sum, numbers.at("report/time/step"), 1e-9);
    EXPECT_GT(sum, 0);
    EXPECT_DOUBLE_EQ(numbers.at("report/tokens_per_second"),
                     10 * numbers.at("report/samples_per_second"));
    EXPECT_THAT(numbers,
                AllOf(Contains(Key("report/share_of_peak")), Contains(Key("report/peak_memory"))));
  }
  // At the second step the first one has ended, which is told apart.
  std::vector<int64_t> expected;
  for (int64_t at = 5; at < step; at += 3) expected.push_back(10 * at);
  EXPECT_EQ(steps, expected);
}

TEST(Report, IsNotLoggedEveryMinusOneSteps) {
  SmallRun run;
  EXPECT_THROW(run.accelerator.measure_steps({.log_every = -1}), c10::Error);
}

TEST(Report, SaysSoWhereNothingWasMeasured) {
  SmallRun run;
  run.train();
  std::ostringstream text;
  text << run.accelerator.report({.peak_flops = 1});
  EXPECT_THAT(text.str(), HasSubstr("no step has been measured; call measure_steps() before"));
}

TEST(RunReport, TellsOfAllRanks) {
  const auto rank = [](double median, double longest, double first) {
    MeasuredSteps measured = {.steps = 4,
                              .first_step_seconds = first,
                              .median_step = median,
                              .longest_step = longest,
                              .flops_per_step = 1e6};
    measured.seconds.at(static_cast<size_t>(Phase::kForward)) = 4 * median;
    return RankReport{.measured = measured, .peak_flops = 1e9};
  };
  // The last one doesn't measure.
  const RunReport report = {.ranks = {rank(0.002, 0.004, 0.030), rank(0.004, 0.008, 0.010),
                                      RankReport{.measured = {}, .peak_flops = 1e9}}};
  EXPECT_DOUBLE_EQ(report.step_seconds(), 0.003);
  EXPECT_DOUBLE_EQ(report.share_of_peak(), (1e6 / 0.002 + 1e6 / 0.004) / 2e9);
  std::ostringstream text;
  text << report;
  EXPECT_THAT(text.str(), HasSubstr("4 steps of 3.00 ms (median 3.00 ms, longest 8.00 ms; the "
                                    "first one 20.00 ms)\n"));
}

TEST(RunReport, NamesASlowRankByItsMedianStep) {
  // Of ten steps.
  const auto text_of = [](std::vector<double> medians, double pause_of_the_first) {
    RunReport report;
    for (const double median : medians) {
      MeasuredSteps measured = {.steps = 10, .median_step = 0.01, .median_own = median};
      measured.seconds.at(static_cast<size_t>(Phase::kForward)) = 10 * median;
      measured.seconds.at(static_cast<size_t>(Phase::kCommunication)) = 10 * (0.01 - median);
      report.ranks.push_back({.measured = measured, .peak_flops = 1e9});
    }
    report.ranks[0].measured.seconds.at(static_cast<size_t>(Phase::kForward)) += pause_of_the_first;
    std::ostringstream text;
    text << report;
    return text.str();
  };
  EXPECT_THAT(text_of({0.004, 0.008}, 0),
              HasSubstr("  rank 1 is slow: its own work takes 8.00 ms in the "
                        "median step, and the mean of all ranks is "
                        "6.00 ms\n"));
  EXPECT_THAT(text_of({0.004, 0.008}, 7), AllOf(HasSubstr("rank 1 is slow"), Not(HasSubstr("was"))))
      << "whoever was stopped once";
  EXPECT_THAT(text_of({0.008, 0.008}, 0.08),
              AllOf(HasSubstr("  rank 0 was slow in some steps: its own work takes 16.00 ms on "
                              "average, but 8.00 ms in the median step\n"),
                    Not(HasSubstr("is slow"))));
  EXPECT_THAT(text_of({0.008, 0.0081}, 0), Not(HasSubstr("slow")));
}

TEST(Report, CountsTheTimeBeforeARestart) {
  std::string folder;
  {
    SmallRun first;
    folder = std::string(std::getenv("TEST_TMPDIR")) + "/run_XXXXXX";
    if (first.accelerator.is_main_process()) {
      ASSERT_NE(mkdtemp(folder.data()), nullptr);
    }
    folder = first.accelerator.broadcast_object(folder);
    first.accelerator.set_checkpoints({.folder = folder});
    first.accelerator.measure_steps();
    first.train();
    first.accelerator.save_state();
  }
  SmallRun second({.folder = folder});
  second.accelerator.measure_steps();
  ASSERT_TRUE(second.accelerator.resume());
  const double at_once = second.accelerator.report({.peak_flops = 1}).goodput;
  EXPECT_GT(at_once, 0);
  // Nothing of it is of this process.
  EXPECT_EQ(second.accelerator.report({.peak_flops = 1}).ranks[0].measured.steps, 0);
  rest(20);
  EXPECT_LT(second.accelerator.report({.peak_flops = 1}).goodput, at_once);
  second.accelerator.wait_for_everyone();
  // Who does not measure reads such a checkpoint, too.
  SmallRun third({.folder = folder});
  EXPECT_TRUE(third.accelerator.resume());
}

TEST(Report, GoesOnWithTheShareOfTimeWhereMeasuringBeginsAnew) {
  SmallRun run;
  const auto goodput = [&run] { return run.accelerator.report({.peak_flops = 1}).goodput; };
  const auto train_slowly = [&run] { run.train([] { rest(1); }); };
  run.accelerator.measure_steps();
  train_slowly();
  run.accelerator.measure_steps();
  // Before the next step has ended.
  EXPECT_GT(goodput(), 0);
  train_slowly();
  run.accelerator.measure_steps(false);
  const double stopped = goodput();
  EXPECT_GT(stopped, 0);
  // No time of it is measured.
  rest(20);
  EXPECT_DOUBLE_EQ(goodput(), stopped);
}

TEST(Report, LosesNoTimeToItsOwnMeasurement) {
  SmallRun run;
  const auto goodput = [&run](double peak) {
    return run.accelerator.report({.peak_flops = peak}).goodput;
  };
  run.accelerator.measure_steps();
  run.train([] { rest(5); });
  const double before = goodput(1);
  // Measures the peak for several times as long as the run has taken.
  EXPECT_GT(goodput(0), before / 2);
  EXPECT_GT(goodput(0), before / 2);
}

// With the guard in the loop's body, as programs of Hugging Face's write it.
TEST(Report, CountsNoSamplesThatAreOnlyEvaluated) {
  SmallRun run;
  run.accelerator.measure_steps();
  for (int epoch = 0; epoch < 2; ++epoch) {
    run.train();
    for (auto& batch : run.loader) {
      torch::NoGradGuard no_grad;
      run.model(batch.data);
    }
  }
  const RunReport report = run.accelerator.report({.peak_flops = 1});
  const MeasuredSteps& own = report.ranks[0].measured;
  EXPECT_EQ(own.samples, own.steps * 4 * run.accelerator.num_processes());
}

// Who measures is each rank's own business, and no save waits for the others' answer.
TEST(Report, MayBeOfOneRankAlone) {
  SmallRun run;
  std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/run_XXXXXX";
  if (run.accelerator.is_main_process()) {
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    run.accelerator.measure_steps();
  }
  folder = run.accelerator.broadcast_object(folder);
  run.train();
  run.accelerator.save_state(folder + "/one");
  run.accelerator.load_state(folder + "/one");
  const RunReport report = run.accelerator.report({.peak_flops = 1});
  EXPECT_EQ(report.ranks.size(), static_cast<size_t>(run.accelerator.num_processes()));
}

// What a rank counts while it reports is no part of a step.
TEST(Report, CountsNothingOfItsOwn) {
  SmallRun run;
  run.accelerator.measure_steps();
  run.train();
  const double before = run.accelerator.report({.peak_flops = 1}).ranks[0].measured.flops_per_step;
  run.accelerator.measure_steps();
  for (auto& batch : run.loader) {
    run.optimizer.zero_grad();
    run.accelerator.backward(torch::mse_loss(run.model(batch.data), batch.target));
    run.accelerator.report();
    run.optimizer.step();
  }
  EXPECT_EQ(run.accelerator.report().ranks[0].measured.flops_per_step, before);
}

// As of a GAN: five steps of one half, and then a dearer one of the other.
TEST(Report, CountsTheOperationsOfEachOptimizersSteps) {
  SmallRun run;
  auto large = run.accelerator.prepare(torch::nn::Linear(8, 800));
  torch::optim::SGD own(large->parameters(), torch::optim::SGDOptions(0.01));
  auto optimizer = run.accelerator.prepare(own);
  run.accelerator.measure_steps();
  const int64_t rounds = 12;
  for (int64_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < 5; ++i) {
      run.accelerator.backward(run.model(torch::ones({4, 8})).sum());
      run.optimizer.step();
    }
    run.accelerator.backward(large(torch::ones({4, 8})).sum());
    optimizer.step();
  }
  // Forward, and the gradient of the weight; the very first step is of no mean.
  const double small = 2.0 * 2 * 4 * 8 * 8;
  const auto steps = static_cast<double>(6 * rounds - 1);
  const double all = small * static_cast<double>(5 * rounds - 1) + 100 * small * rounds;
  EXPECT_DOUBLE_EQ(run.accelerator.report({.peak_flops = 1}).ranks[0].measured.flops_per_step,
                   all / steps);
}

TEST(Report, ShowsCapturedStepsAsSuch) {
  SmallRun run;
  run.accelerator.measure_steps();
  auto step = run.accelerator.capture([&run](const at::Tensor& x) {
    run.optimizer.zero_grad();
    run.accelerator.backward(run.model(x).sum());
    run.optimizer.step();
  });
  for (int i = 0; i < 10; ++i) step(torch::ones({4, 8}));
  const RunReport report = run.accelerator.report({.peak_flops = 1});
  EXPECT_GT(report.phase_seconds(Phase::kCaptured), 0);
  EXPECT_GT(report.phase_seconds(Phase::kOptimizer), 0);
  EXPECT_GT(report.ranks[0].measured.flops_per_step, 0);
}

}  // namespace
}  // namespace accelerate
