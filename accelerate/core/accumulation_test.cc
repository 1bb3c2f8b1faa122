// Runs on one process and on several; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// Which of the batches of some epochs end in an update, as digits.
std::string sync_pattern(const AcceleratorOptions& options, int64_t batches, int epochs) {
  Full accelerator(options);
  auto net = small_net();
  auto [model, loader] = accelerator.prepare(
      net,
      DataLoader(Line(batches * 16 * accelerator.num_processes(), at::kFloat), {.batch_size = 16}));
  std::string pattern;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (auto& batch : loader) {
      auto scope = accelerator.accumulate(model);
      accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
      pattern += accelerator.sync_gradients() ? '1' : '0';
    }
  }
  return pattern;
}

TEST(Accumulation, SyncsAtTheEndOfAWindowAndOfALoader) {
  EXPECT_EQ(sync_pattern({.gradient_accumulation_steps = 2}, 5, 1), "01011");
  EXPECT_EQ(sync_pattern({.gradient_accumulation_steps = 2}, 3, 1), "011");
  EXPECT_EQ(sync_pattern({.gradient_accumulation_steps = 4}, 10, 2), "00010001010001000101");
  EXPECT_EQ(sync_pattern({.gradient_accumulation_steps = 4,
                          .gradient_accumulation = {.sync_with_dataloader = false}},
                         10, 2),
            "00010001000100010001");
  EXPECT_EQ(sync_pattern({}, 3, 1), "111");
}

// A program that has divided its loss itself, as by the tokens of a window.
TEST(Accumulation, LeavesALossThatTheProgramHasDivided) {
  for (const bool average : {true, false}) {
    Full accelerator({.gradient_accumulation_steps = 2});
    torch::nn::Linear net(torch::nn::LinearOptions(1, 1).bias(false));
    auto model = accelerator.prepare(net);
    for (int batch = 0; batch < 2; ++batch) {
      auto scope = accelerator.accumulate(model);
      accelerator.backward(model(torch::full({1, 1}, 3.0)).sum(), {.average = average});
    }
    EXPECT_EQ(net->weight.grad().item<float>(), average ? 3 : 6);
  }
}

TEST(Accumulation, CountsWithoutALoader) {
  AccumulationWindow window(3, {});
  std::string pattern;
  for (int step = 0; step < 7; ++step) {
    window.begin_step(nullptr);
    pattern += window.sync_gradients() ? '1' : '0';
    if (step == 5) window.set_num_steps(1);
  }
  EXPECT_EQ(pattern, "0010011");
  EXPECT_THROW(AccumulationWindow(0, {}), c10::Error);
}

// A loop in the reference's order, and one in the order of the README; both end with the parameters
// of one process that takes each window as one batch, the last, shorter one too.
void expect_windows_to_be_one_batch(bool zero_first, bool sync_each_batch) {
  Full accelerator({.gradient_accumulation_steps = 4,
                    .gradient_accumulation = {.sync_each_batch = sync_each_batch}});
  const int processes = accelerator.num_processes();
  // Ten batches: windows of 4, 4 and 2.
  const Line data(10 * 8 * processes, at::kDouble);
  torch::manual_seed(5);
  auto net = small_net(at::kDouble), reference = small_net(at::kDouble);
  copy_parameters(*net, *reference);
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(0.01)),
      reference_adamw(reference->parameters(), torch::optim::AdamWOptions(0.01));
  auto [model, optimizer, loader] =
      accelerator.prepare(net, adamw, DataLoader(data, {.batch_size = 8}));
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (auto& batch : loader) {
      auto scope = accelerator.accumulate(model);
      if (zero_first) optimizer.zero_grad();
      accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
      optimizer.step();
      if (!zero_first) optimizer.zero_grad();
    }
    for (auto [first, last] : {std::pair{0, 4}, {4, 8}, {8, 10}}) {
      std::vector<size_t> rows;
      for (int i = first * 8 * processes; i < last * 8 * processes; ++i) rows.push_back(i);
      auto batch = Line(data).get_batch(rows);
      reference_adamw.zero_grad();
      torch::mse_loss(reference->forward(batch.data), batch.target).backward();
      reference_adamw.step();
    }
  }
  EXPECT_LT(largest_difference(*net, *reference), 1e-12);
}

TEST(Accumulation, MakesAWindowOneBatch) {
  expect_windows_to_be_one_batch(/*zero_first=*/false, /*sync_each_batch=*/false);
}
TEST(Accumulation, TakesZeroGradBeforeTheBackwardPass) {
  expect_windows_to_be_one_batch(/*zero_first=*/true, /*sync_each_batch=*/false);
}
TEST(Accumulation, MayAverageInEveryBatch) {
  expect_windows_to_be_one_batch(/*zero_first=*/true, /*sync_each_batch=*/true);
}

TEST(Accumulation, SyncsEachBatchIfAsked) {
  for (const bool each : {false, true}) {
    Full accelerator(
        {.gradient_accumulation_steps = 2, .gradient_accumulation = {.sync_each_batch = each}});
    auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
    auto model = accelerator.prepare(net);
    auto scope = accelerator.accumulate(model);
    accelerator.backward(model(torch::full({1, 1}, accelerator.process_index() + 1.0)).sum());
    EXPECT_FALSE(accelerator.sync_gradients());
    const double own = accelerator.process_index() + 1,
                 mean = (accelerator.num_processes() + 1) / 2.0;
    EXPECT_FLOAT_EQ(net->weight.grad().item<float>(), (each ? mean : own) / 2);
  }
}

TEST(Accumulation, NormalisesByTokensWithoutIt) {
  // As docs/training.md says: windows of two batches, the last of one; a row of value v counts as
  // v % 3 + 1 tokens.
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 0.0);
  const at::Tensor rows =
      torch::arange(5 * accelerator.num_processes()).to(at::kFloat).view({-1, 1});
  auto [model, optimizer, loader] =
      accelerator.prepare(net, sgd, DataLoader(TensorDataset(rows, rows), {.batch_size = 1}));
  const auto tokens_of = [](double row) { return std::fmod(row, 3) + 1; };
  std::vector<torch::data::Example<>> window;
  double first = 0;
  int updates = 0;
  const auto update = [&] {
    double tokens = 0;
    for (auto& batch : window) tokens += tokens_of(batch.target.item<double>());
    tokens = accelerator.reduce(torch::tensor(tokens)).template item<double>();
    optimizer.zero_grad();
    for (auto& batch : window) {
      auto scope = accelerator.no_sync(model);
      if (&batch == &window.back()) accelerator.trigger_sync_in_backward(model);
      const auto sum = model(batch.data).sum() * tokens_of(batch.target.item<double>());
      accelerator.backward(sum * (accelerator.num_processes() / tokens));
    }
    double expected = 0, all_tokens = 0;
    const double last = first + static_cast<double>(window.size()) * accelerator.num_processes();
    for (double row = first; row < last; ++row) {
      expected += row * tokens_of(row);
      all_tokens += tokens_of(row);
    }
    EXPECT_NEAR(net->weight.grad().item<double>(), expected / all_tokens, 1e-4);
    optimizer.step();
    first = last;
    window.clear();
    ++updates;
  };
  for (auto& batch : loader) {
    window.push_back(batch);
    if (window.size() == 2) update();
  }
  if (!window.empty()) update();
  EXPECT_EQ(updates, 3);
}

TEST(Accumulation, ChangesItsNumberOfStepsWithTheNextWindow) {
  AccumulationWindow window(4, {});
  std::string pattern;
  for (int step = 0; step < 8; ++step) {
    window.begin_step(nullptr);
    if (step == 1) window.set_num_steps(2);
    EXPECT_EQ(window.loss_factor(), step < 4 ? 0.25 : 0.5);
    pattern += window.sync_gradients() ? '1' : '0';
    window.end_step();
    EXPECT_EQ(window.loss_factor(), 1);
  }
  EXPECT_EQ(pattern, "00010101");
}

// Trains a weight in windows of four batches, of a loader that has six for each rank.
struct WindowsOfFour {
  void train() {
    auto scope = accelerator.accumulate(model);
    accelerator.backward(model(torch::ones({1, 1})).sum());
  }
  Full accelerator{{.gradient_accumulation_steps = 4}};
  PreparedModel<torch::nn::LinearImpl> model =
      accelerator.prepare(torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false)));
  DataLoader<Line> loader = accelerator.prepare(
      DataLoader<Line>(Line(6 * accelerator.num_processes(), at::kFloat), {.batch_size = 1}));
};

// Where windows end with the loader, a batch that is several steps, or none, would give a window
// another factor than its gradients need.
TEST(Accumulation, RefusesToCountTheBatchesOfALoaderWrongly) {
  WindowsOfFour run;
  for ([[maybe_unused]] auto& batch : run.loader) {
    run.train();
    EXPECT_THAT(message_of([&] { run.train(); }), HasSubstr("called twice for one batch"));
  }
}

// A program that leaves out the last batch, as if it were short.
TEST(Accumulation, RefusesAWindowWhoseLoaderEndedWithoutIt) {
  WindowsOfFour run;
  int batches = 0;
  for ([[maybe_unused]] auto& batch : run.loader) {
    if (++batches < 6) run.train();
  }
  for ([[maybe_unused]] auto& batch : run.loader) {
    EXPECT_THAT(message_of([&] { run.train(); }),
                HasSubstr("the gradients of 1 of 2 batches wait"));
    break;
  }
}

TEST(Accumulation, WaitsForAWindowThatBeganWithAnotherNumber) {
  Full accelerator({.gradient_accumulation_steps = 8});
  torch::nn::Linear net(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  for (int batch = 0; batch < 12; ++batch) {
    auto scope = accelerator.accumulate(model);
    if (batch == 2) accelerator.set_gradient_accumulation_steps(2);
    accelerator.backward(model(torch::ones({1, 1})).sum());
    optimizer.step();
  }
}

// Two models in turn, each with a scope of its own, and no loader to count by.
TEST(Accumulation, RefusesAnOptimizerThatWouldNeverStep) {
  Full accelerator({.gradient_accumulation_steps = 4});
  torch::nn::Linear one(1, 1), two(1, 1);
  torch::optim::SGD sgd_one(one->parameters(), 1.0), sgd_two(two->parameters(), 1.0);
  auto [first, second, step_first, step_second] = accelerator.prepare(one, two, sgd_one, sgd_two);
  const auto train = [&accelerator](auto& model, auto& optimizer) {
    auto scope = accelerator.accumulate(model);
    optimizer.zero_grad();
    accelerator.backward(model(torch::ones({1, 1})).sum());
    optimizer.step();
  };
  std::string message = "no error";
  for (int batch = 0; batch < 8 && message == "no error"; ++batch) {
    message =
        message_of([&, &first = first, &step_first = step_first] { train(first, step_first); });
    train(second, step_second);
  }
  EXPECT_THAT(message, HasSubstr("this optimizer has not stepped for 8 calls of accumulate()"));
}

TEST(Accumulation, TakesPartsOfABatchIfItDoesNotHeedTheLoader) {
  Full accelerator(
      {.gradient_accumulation_steps = 4, .gradient_accumulation = {.sync_with_dataloader = false}});
  torch::nn::Linear net(torch::nn::LinearOptions(1, 1).bias(false));
  auto [model, loader] = accelerator.prepare(
      net, DataLoader(Line(2 * accelerator.num_processes(), at::kFloat), {.batch_size = 1}));
  std::string pattern;
  for ([[maybe_unused]] auto& batch : loader) {
    for (int part = 0; part < 4; ++part) {
      auto scope = accelerator.accumulate(model);
      accelerator.backward(model(torch::ones({1, 1})).sum());
      pattern += accelerator.sync_gradients() ? '1' : '0';
    }
    EXPECT_FLOAT_EQ(net->weight.grad().item<float>(), 1);
    net->zero_grad();
  }
  EXPECT_EQ(pattern, "00010001");
}

// Two models that take turns in each batch, of which the second begins when the first has made its
// pass; beside each of them alone on the whole window.
TEST(Accumulation, KeepsTheSumsOfEachOfSeveralOptimizers) {
  for (const bool zero_first : {true, false}) {
    Full accelerator({.gradient_accumulation_steps = 2});
    const auto net = [] { return torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false)); };
    auto one = net(), two = net();
    for (const auto& each : {one, two}) torch::nn::init::zeros_(each->weight);
    torch::optim::SGD sgd_one(one->parameters(), 1.0), sgd_two(two->parameters(), 1.0);
    auto [first, second, optimizer_one, optimizer_two] =
        accelerator.prepare(one, two, sgd_one, sgd_two);
    for (int batch = 1; batch <= 6; ++batch) {
      auto scope = accelerator.accumulate(first, second);
      const auto train = [&](auto& model, auto& optimizer) {
        if (zero_first) optimizer.zero_grad();
        accelerator.backward(model(torch::full({1, 1}, double(batch))).sum());
        optimizer.step();
        if (!zero_first) optimizer.zero_grad();
      };
      train(first, optimizer_one);
      train(second, optimizer_two);
    }
    // Three windows, with the means of 1 and 2, of 3 and 4, and of 5 and 6.
    EXPECT_FLOAT_EQ(one->weight.item<float>(), -10.5) << zero_first;
    EXPECT_FLOAT_EQ(two->weight.item<float>(), -10.5) << zero_first;
  }
}

// One that the program catches or skips, before it goes on with the next window.
TEST(Accumulation, DropsTheSumOfAWindowWhoseLastPassDidNotCome) {
  for (const bool in_scope : {true, false}) {
    Full accelerator({.gradient_accumulation_steps = 2});
    auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
    torch::nn::init::zeros_(net->weight);
    torch::optim::SGD sgd(net->parameters(), 1.0);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    const auto train = [&, &model = model, &optimizer = optimizer](double value, bool passes) {
      auto scope = accelerator.accumulate(model);
      if (in_scope) optimizer.zero_grad();
      if (!passes) return;
      accelerator.backward(model(torch::full({1, 1}, value)).sum());
      optimizer.step();
      if (!in_scope) optimizer.zero_grad();
    };
    train(100, true);
    train(100, false);
    if (!in_scope) optimizer.zero_grad();
    train(1, true);
    train(2, true);
    EXPECT_FLOAT_EQ(net->weight.item<float>(), -1.5) << in_scope;
  }
}

// Its pass would end the window of the other in each batch.
TEST(Accumulation, RefusesAModelOutsideOfTheScopesOfALoop) {
  Full accelerator({.gradient_accumulation_steps = 4});
  torch::nn::Linear one(1, 1), two(1, 1);
  auto [first, second, loader] = accelerator.prepare(
      one, two, DataLoader(Line(6 * accelerator.num_processes(), at::kFloat), {.batch_size = 1}));
  int batches = 0;
  for (auto& batch : loader) {
    const std::string message = message_of([&, &first = first] {
      auto scope = accelerator.accumulate(first);
      accelerator.backward(first(batch.data).sum());
    });
    EXPECT_THAT(message, HasSubstr(++batches == 1 ? "no error" : "put each backward pass"));
    if (batches > 1) break;
    accelerator.backward(second(batch.data).sum());
  }
}

// ---- no_sync() and trigger_sync_in_backward()

// A loop that is left in the middle of a window, and then one without accumulate().
TEST(Accumulation, LeavesAWindowThatABackwardPassOutsideEnds) {
  for (const bool zero_first : {true, false}) {
    Full accelerator({.gradient_accumulation_steps = 3});
    auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
    {
      torch::NoGradGuard no_grad;
      net->weight.fill_(0);
    }
    torch::optim::SGD sgd(net->parameters(), 1.0);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    for (int batch = 0; batch < 5; ++batch) {
      auto scope = accelerator.accumulate(model);
      optimizer.zero_grad();
      accelerator.backward(model(torch::ones({1, 1})).sum());
      optimizer.step();
      if (batch == 4) break;
    }
    EXPECT_NEAR(net->weight.item<double>(), -1, 1e-6);
    // Two thirds of a window are left over, for whoever does not zero them.
    for (int batch = 0; batch < 2; ++batch) {
      if (zero_first || batch > 0) optimizer.zero_grad();
      accelerator.backward(model(torch::ones({1, 1})).sum());
      optimizer.step();
    }
    EXPECT_NEAR(net->weight.item<double>(), zero_first ? -3 : -3 - 2.0 / 3, 1e-6);
  }
}

TEST(Accumulation, SaysWhyAStepOutsideDoesNothing) {
  Full accelerator({.gradient_accumulation_steps = 2});
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  Warnings warnings;
  for (int batch = 0; batch < 4; ++batch) {
    const at::Tensor before = net->weight.detach().clone();
    {
      auto scope = accelerator.accumulate(model);
      accelerator.backward(model(torch::ones({1, 1})).sum());
    }
    optimizer.step();
    optimizer.zero_grad();
    EXPECT_NEAR((before - net->weight).item<double>(), batch % 2, 1e-6);
  }
  ASSERT_EQ(warnings.all.size(), 1u);
  EXPECT_THAT(warnings.all[0], HasSubstr("outside of accumulate()"));
}

TEST(NoSync, KeepsGradientsUntilABackwardPassOutsideOfIt) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  auto model = accelerator.prepare(net);
  const double own = accelerator.process_index() + 1,
               mean = (accelerator.num_processes() + 1) / 2.0;
  const auto backward = [&] { accelerator.backward(model(torch::full({1, 1}, own)).sum()); };
  const auto gradient = [&] { return net->weight.grad().item<double>(); };
  {
    auto scope = accelerator.no_sync(model);
    backward();
    {
      auto nested = accelerator.no_sync();
      backward();
    }
    EXPECT_NEAR(gradient(), 2 * own, 1e-5);
  }
  backward();
  EXPECT_NEAR(gradient(), 3 * mean, 1e-5);
}

TEST(NoSync, IsLiftedForOneBackwardPass) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  auto model = accelerator.prepare(net);
  const double own = accelerator.process_index() + 1,
               mean = (accelerator.num_processes() + 1) / 2.0;
  auto scope = accelerator.no_sync(model);
  std::vector<at::Tensor> losses;
  for (int i = 0; i < 3; ++i) losses.push_back(model(torch::full({1, 1}, own)).sum());
  accelerator.backward(losses[0]);
  accelerator.backward(losses[1]);
  EXPECT_NEAR(net->weight.grad().item<double>(), 2 * own, 1e-5);
  accelerator.trigger_sync_in_backward(model);
  accelerator.backward(losses[2]);
  EXPECT_NEAR(net->weight.grad().item<double>(), 3 * mean, 1e-5);
  accelerator.backward(model(torch::full({1, 1}, own)).sum());
  EXPECT_NEAR(net->weight.grad().item<double>(), 3 * mean + own, 1e-5);
}

TEST(NoSync, DoesNotLetAnOptimizerStepWithGradientsOfOneProcess) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  model(torch::ones({1, 1})).sum().backward();
  EXPECT_THAT(message_of([&] { optimizer.step(); }), HasSubstr("call accelerator.backward(loss)"));
  const auto loose = torch::ones({2}).set_requires_grad(true);
  torch::optim::SGD loose_sgd({loose}, 0.1);
  // Gradients that the program made itself are no means either; what it makes of a mean is one.
  optimizer.zero_grad();
  accelerator.backward(model(torch::ones({1, 1})).sum());
  net->weight.mutable_grad() = net->weight.grad() * 2;
  optimizer.step();
  for (const at::Tensor& each : net->parameters()) each.mutable_grad() = torch::ones_like(each);
  EXPECT_THAT(message_of([&] { optimizer.step(); }), HasSubstr("call accelerator.backward(loss)"));
  auto loose_optimizer = accelerator.prepare(loose_sgd);
  accelerator.backward(loose.sum());
  EXPECT_THAT(message_of([&] { loose_optimizer.step(); }),
              HasSubstr("belongs to no prepared model"));
}

// ---- Schedulers

TEST(Accumulation, AdvancesSchedulesOnceAWindow) {
  for (const int64_t steps : {1, 2, 4}) {
    Full accelerator({.gradient_accumulation_steps = steps});
    auto net = torch::nn::Linear(1, 1);
    torch::optim::SGD sgd(net->parameters(), 1.0);
    // The decay ends with the tenth update of all processes.
    LinearDecay decay(sgd, {.total_steps = 10 * accelerator.num_processes()});
    auto [model, optimizer, scheduler] = accelerator.prepare(net, sgd, decay);
    for (int64_t i = 0; i < 10 * steps; ++i) {
      auto scope = accelerator.accumulate(model);
      accelerator.backward(model(torch::ones({1, 1})).sum());
      optimizer.step();
      if (i + 1 == 10 * steps) {
        EXPECT_GT(sgd.param_groups()[0].options().get_lr(), 0);
      }
      scheduler.step();
      optimizer.zero_grad();
    }
    EXPECT_NEAR(sgd.param_groups()[0].options().get_lr(), 0, 1e-12);
  }
}

}  // namespace
}  // namespace accelerate
