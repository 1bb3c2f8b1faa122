// What a training that is watched says of numbers that are not finite, on one process and on two.
#include "accelerate/watch/watch.h"

#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>

#include "accelerate/core/accelerator.h"
#include "accelerate/data/safetensors_file.h"
#include "accelerate/data/tensor_dataset.h"
#include "testing/errors/message_of.h"
#include "testing/errors/warnings.h"

namespace accelerate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Full = Accelerator<MultiCpu, Fp32>;
using Half = Accelerator<MultiCpu, Fp16>;

std::string new_folder(Full& accelerator) {
  std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/watch_XXXXXX";
  if (accelerator.is_main_process()) {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
  }
  return accelerator.broadcast_object(folder);
}

// Passes its input on, takes the logarithm of it, and adds the numbers up.
struct LogNetImpl : torch::nn::Module {
  LogNetImpl() {
    torch::NoGradGuard no_grad;
    first->weight.copy_(torch::eye(2));
    first->bias.zero_();
  }
  at::Tensor forward(const at::Tensor& x) { return last(first(x).log()); }

  torch::nn::Linear first = register_module("first", torch::nn::Linear(2, 2));
  torch::nn::Linear last = register_module("last", torch::nn::Linear(2, 1));
};
TORCH_MODULE(LogNet);

// 8 samples, of which that with this number, if there is one, has a negative number.
TensorDataset samples_with(int64_t bad) {
  auto data = torch::rand({8, 2}) + 1;
  if (bad < 8) data[bad][1] = -1;
  return TensorDataset(data, torch::rand({8, 1}));
}

struct LogRun {
  explicit LogRun(int64_t bad, const AcceleratorOptions& options = {}) : accelerator(options) {
    torch::manual_seed(1);
    net = LogNet();
    sgd = std::make_unique<torch::optim::SGD>(net->parameters(), torch::optim::SGDOptions(1e-4));
    model.emplace(accelerator.prepare(net));
    optimizer.emplace(accelerator.prepare(*sgd));
    loader.emplace(accelerator.prepare(DataLoader(samples_with(bad), {.batch_size = 1})));
  }
  void train_on(torch::data::Example<>& batch) {
    optimizer->zero_grad();
    accelerator.backward(torch::mse_loss((*model)(batch.data), batch.target));
    optimizer->step();
  }
  void train() {
    for (auto& batch : *loader) train_on(batch);
  }
  bool has_finite_weights() const {
    for (const auto& parameter : net->parameters())
      if (!parameter.isfinite().all().item<bool>()) return false;
    return true;
  }

  Full accelerator;
  LogNet net{nullptr};
  std::unique_ptr<torch::optim::SGD> sgd;
  std::optional<PreparedModel<LogNetImpl>> model;
  std::optional<PreparedOptimizer> optimizer;
  std::optional<DataLoader<TensorDataset>> loader;
};

// Sample 3 is of the fourth step of one process, and of the second one of rank 1 of two.
TEST(Watch, NamesOperatorModuleStepAndRankAndKeepsTheBatch) {
  LogRun run(3);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.watch({.folder = folder});
  const std::string message = message_of([&] { run.train(); });
  const bool is_alone = run.accelerator.num_processes() == 1;
  const std::string name =
      folder + (is_alone ? "/step_3_rank_0.safetensors" : "/step_1_rank_1.safetensors");
  EXPECT_THAT(message,
              AllOf(HasSubstr(is_alone ? "after 3 steps of" : "after 1 step of"),
                    HasSubstr("the gradients of `first.weight`, `first.bias`, `last.weight`, "
                              "`last.bias` are not finite"),
                    HasSubstr("The loss is nan."),
                    HasSubstr("The first NaN came out of `aten::log` in the forward pass, after "
                              "the module `first`"),
                    HasSubstr("at 4 of epoch 0, is in " + name)));
  if (!is_alone) {
    EXPECT_THAT(message, AllOf(HasSubstr("Rank 1: "), Not(HasSubstr("Rank 0: "))));
  }
  EXPECT_TRUE(run.has_finite_weights());
  SafetensorsFile kept(name, {.data = "data", .target = "target"});
  ASSERT_EQ(kept.size(), 1);
  const auto batch = kept.get_batch(std::vector<size_t>{0});
  EXPECT_TRUE(run.net->forward(batch.data).isnan().any().item<bool>());
}

// With gradients enabled, as the evaluation of some programs is.
TEST(Watch, KeepsTheBatchOfThePassThatGoesOnAndSaysHowFarThatIs) {
  LogRun run(8);
  const std::string folder = new_folder(run.accelerator);
  auto validation = run.accelerator.prepare(
      DataLoader(TensorDataset(torch::full({4, 2}, -1.0), torch::zeros({4, 1})), {}));
  run.accelerator.watch({.folder = folder});
  const std::string message = message_of([&] {
    for (auto& batch : *run.loader) {
      run.train_on(batch);
      for (auto& each : validation) (*run.model)(each.data.abs());
      batch.data.fill_(-5);
      run.train_on(batch);
    }
  });
  const std::string name = folder + "/step_1_rank_0.safetensors";
  EXPECT_THAT(message, HasSubstr(c10::str("The batch, at ", run.accelerator.num_processes(),
                                          " of epoch 0, is in ", name)));
  SafetensorsFile kept(name, {.data = "data", .target = "target"});
  EXPECT_TRUE(kept.get_batch(std::vector<size_t>{0}).data.eq(-5).all().item<bool>());
}

// What is wrong is one batch: a program may leave it out.
TEST(Watch, LetsAProgramGoOnWithTheNextBatch) {
  LogRun run(3);
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  int steps = 0, errors = 0;
  for (auto& batch : *run.loader) {
    try {
      run.train_on(batch);
      ++steps;
    } catch (const NonFiniteError&) {
      ++errors;
    }
  }
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(steps, 8 / run.accelerator.num_processes() - 1);
  EXPECT_TRUE(run.has_finite_weights());
}

TEST(Watch, SaysWhenTheBatchItselfIsNotFinite) {
  LogRun run(3);
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  EXPECT_THAT(message_of([&] {
                for (auto& batch : *run.loader) {
                  batch.target.fill_(kInfinity);
                  run.train_on(batch);
                }
              }),
              HasSubstr("The batch itself has infinity (`target`)."));
}

TEST(Watch, WarnsOnceAndGoesOnWhereItIsAskedTo) {
  LogRun run(3);
  run.accelerator.watch({.folder = new_folder(run.accelerator), .action = WatchAction::kWarn});
  Warnings warnings;
  run.train();
  EXPECT_FALSE(run.has_finite_weights());
  EXPECT_FALSE(at::hasCallbacks());
  if (run.accelerator.is_main_process()) {
    EXPECT_THAT(warnings.all, ElementsAre(AllOf(HasSubstr("`aten::log`"),
                                                HasSubstr("The step is taken anyway"))));
  } else {
    EXPECT_THAT(warnings.all, IsEmpty());
  }
}

TEST(Watch, CostsNothingWhenItHasEnded) {
  LogRun run(3);
  EXPECT_FALSE(at::hasCallbacks());
  run.accelerator.watch();
  EXPECT_TRUE(at::hasCallbacks());
  Full other;
  EXPECT_THAT(message_of([&] { other.watch(); }), HasSubstr("another Accelerator"));
  run.accelerator.watch({.non_finite = false});
  EXPECT_FALSE(at::hasCallbacks());
  run.train();
  EXPECT_FALSE(run.has_finite_weights());
}

TEST(Watch, RefusesOptionsThatMakeNoSense) {
  Full accelerator;
  EXPECT_THAT(message_of([&] { accelerator.watch({.every = 0}); }), HasSubstr("every is 0"));
  EXPECT_THAT(message_of([&] { accelerator.watch({.folder = ""}); }), HasSubstr("has no name"));
}

TEST(Watch, IsSilentAboutMasksAndEvaluations) {
  Full accelerator;
  torch::nn::Linear net(4, 4);
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  accelerator.watch();
  Warnings warnings;
  const auto mask = torch::full({4, 4}, -kInfinity).triu(1);
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    accelerator.backward((model(torch::rand({4, 4})) + mask).softmax(-1).pow(2).sum());
    optimizer.step();
    torch::NoGradGuard no_grad;
    const auto perplexity = (model(torch::rand({4, 4})) * 1e9).exp();
    EXPECT_FALSE((perplexity - perplexity).isfinite().all().item<bool>());
  }
  EXPECT_THAT(warnings.all, IsEmpty());
}

TEST(Watch, NamesTheBackwardPassWhereOnlyThatIsNotFinite) {
  Full accelerator;
  torch::nn::Linear net(torch::nn::LinearOptions(2, 2).bias(false));
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  accelerator.watch({.folder = new_folder(accelerator)});
  const std::string message = message_of([&, &model = model] {
    accelerator.backward((model(torch::ones({1, 2})) * 0).sqrt().sum());
  });
  EXPECT_THAT(message, AllOf(HasSubstr("the gradients of `weight` are not finite"),
                             HasSubstr("in the backward pass of `aten::mul` (MulBackward"),
                             HasSubstr("first infinity came out of `aten::div` in the backward "
                                       "pass of `aten::sqrt` (SqrtBackward0), after the use of "
                                       "the parameter `weight`"),
                             HasSubstr("There is no batch of a prepared loader")));
  EXPECT_THAT(message, Not(HasSubstr("The loss is")));
}

// The last batch of a window tells, where all ranks come together.
TEST(Watch, CountsAWindowOfBatchesAsOneStep) {
  LogRun run(0, {.gradient_accumulation_steps = 2});
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  int batches = 0;
  const std::string message = message_of([&] {
    for (auto& batch : *run.loader) {
      ++batches;
      const auto scope = run.accelerator.accumulate(*run.model);
      run.train_on(batch);
    }
  });
  EXPECT_EQ(batches, 2);
  EXPECT_THAT(message, AllOf(HasSubstr("after 0 steps"), HasSubstr("The loss is nan."),
                             HasSubstr("`aten::log`")));
}

TEST(Watch, LooksAtACapturedStepAsItIs) {
  LogRun run(7);
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  auto step = run.accelerator.capture([&](torch::data::Example<>& batch) { run.train_on(batch); },
                                      {.warm_up_steps = 1});
  EXPECT_THAT(message_of([&] {
                for (auto& batch : *run.loader) step(batch);
              }),
              HasSubstr("`aten::log` in the forward pass"));
  EXPECT_FALSE(step.refusal().has_value());
}

TEST(Watch, WarnsOfALossThatDoesNoHarm) {
  Full accelerator;
  torch::nn::Linear net(2, 1);
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  accelerator.watch({.folder = new_folder(accelerator)});
  Warnings warnings;
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    accelerator.backward(model(torch::ones({1, 2})).sum() + kInfinity);
    optimizer.step();
  }
  EXPECT_THAT(warnings.all,
              ElementsAre(AllOf(HasSubstr("after 0 steps of this process, the loss is not finite"),
                                HasSubstr("The loss is inf."))));
}

// Takes steps with gradients that overflow in fp16 under a large scale.
std::string steps_of_half(double init_scale, double backoff_factor,
                          const std::function<at::Tensor(const at::Tensor&)>& loss_of) {
  Half accelerator({.loss_scale = {.init_scale = init_scale, .backoff_factor = backoff_factor}});
  torch::nn::Linear net(torch::nn::LinearOptions(2, 2).bias(false));
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  accelerator.watch({.folder = std::getenv("TEST_TMPDIR")});
  return message_of([&, &model = model, &optimizer = optimizer] {
    for (int i = 0; i < 6; ++i) {
      optimizer.zero_grad();
      accelerator.backward(loss_of(model(torch::ones({1, 2}))));
      optimizer.step();
    }
  });
}

TEST(Watch, LeavesOverflowsToTheLossScale) {
  EXPECT_EQ(steps_of_half(65536.0 * 65536.0, 1.0 / 65536,
                          [](const at::Tensor& output) { return output.sum(); }),
            "no error");
}

TEST(Watch, SaysWhenNoLossScaleIsSmallEnough) {
  EXPECT_THAT(
      steps_of_half(4, 0.5, [](const at::Tensor& output) { return (output * 0).sqrt().sum(); }),
      AllOf(HasSubstr("after 3 steps"), HasSubstr("(SqrtBackward0)")));
}

TEST(Watch, SaysWhenTheLossOfFp16IsNotFinite) {
  EXPECT_THAT(
      steps_of_half(4, 0.5, [](const at::Tensor& output) { return (output * kInfinity).sum(); }),
      AllOf(HasSubstr("after 0 steps"), HasSubstr("The loss is ")));
}

// Remembers what it gets.
class Remembering final : public Tracker {
 public:
  std::string_view name() const override { return "remembering"; }
  void start(const TrackedRun& /*run*/) override {}
  void log(const metrics::Record& record) override {
    ++num_records;
    for (const auto& [name, value] : record.values)
      if (const double* number = std::get_if<double>(&value)) values[name][record.step] = *number;
  }
  std::map<std::string, std::map<int64_t, double>> values;
  int num_records = 0;
};

TEST(Watch, LogsNormsWithWhatTheProgramLogsNext) {
  LogRun run(7);
  const auto tracker = std::make_shared<Remembering>();
  run.accelerator.init_trackers("norms", {}, {.folder = "", .trackers = {tracker}});
  run.accelerator.watch({.non_finite = false, .norms = true, .every = 2});
  int64_t step = 0;
  double first_norm = 0;
  for (auto& batch : *run.loader) {
    run.train_on(batch);
    if (step == 0) {
      std::vector<at::Tensor> gradients;
      for (const auto& parameter : run.net->parameters())
        gradients.push_back(parameter.grad().flatten());
      first_norm = torch::cat(gradients).norm().item<double>();
    }
    // Without a step of its own: the norms must not shift its count.
    run.accelerator.log({{"seen", 1.0}});
    if (++step == 3) break;
  }
  run.accelerator.end_training();
  if (!run.accelerator.is_main_process()) return;
  const auto norms = tracker->values["watch/gradient_norm"];
  EXPECT_THAT(norms, ElementsAre(Key(0), Key(2)));
  EXPECT_NEAR(norms.at(0), first_norm, 1e-5 * first_norm);
  EXPECT_THAT(tracker->values["seen"], ElementsAre(Key(0), Key(1), Key(2)));
  EXPECT_NEAR(tracker->values["watch/parameter_norm/first"].at(0), std::sqrt(2.0), 1e-2);
  EXPECT_TRUE(tracker->values.contains("watch/gradient_norm/last"));
  EXPECT_TRUE(tracker->values.contains("watch/parameter_norm"));
}

// Apart from the program's values, which are of all ranks.
TEST(Watch, LogsNormsInOneRecordWithTheReport) {
  LogRun run(8);
  const auto tracker = std::make_shared<Remembering>();
  run.accelerator.init_trackers("norms", {}, {.folder = "", .trackers = {tracker}});
  run.accelerator.measure_steps({.log_every = 1});
  run.accelerator.watch({.non_finite = false, .norms = true, .every = 1});
  int64_t step = 0;
  for (auto& batch : *run.loader) {
    run.train_on(batch);
    run.accelerator.log({{"rank", run.accelerator.process_index()}}, {.mean_over_ranks = true});
    if (++step == 3) break;
  }
  run.accelerator.end_training();
  if (!run.accelerator.is_main_process()) return;
  EXPECT_EQ(tracker->num_records, 2 * step);
  EXPECT_THAT(tracker->values["watch/gradient_norm"], ElementsAre(Key(0), Key(1), Key(2)));
  // Of the first step, which is told apart, there is no figure yet at the second one.
  EXPECT_THAT(tracker->values["report/time/step"], ElementsAre(Key(2)));
  if (run.accelerator.num_processes() == 2) {
    EXPECT_EQ(tracker->values["rank"][2], 0.5);
  }
}

// The rank that has warned in the scope meets the others when all find something behind it.
TEST(Watch, WarnsOfUnevenInputsAndGoesOnLookingWithTheOthers) {
  LogRun run(100);
  const Warnings warnings;
  run.accelerator.watch({.folder = new_folder(run.accelerator), .action = WatchAction::kWarn});
  const auto step_with = [&run](double factor) {
    run.optimizer->zero_grad();
    run.accelerator.backward((*run.model)(torch::ones({1, 2})).sum() * factor);
    run.optimizer->step();
  };
  {
    const auto joining = run.accelerator.join_uneven_inputs();
    // One batch of rank 0's and two of the others'.
    for (int i = 0; i < 1 + (run.accelerator.process_index() > 0); ++i) step_with(kInfinity);
  }
  step_with(1);
  run.accelerator.wait_for_everyone();
  EXPECT_FALSE(run.has_finite_weights());
  EXPECT_GE(warnings.all.size(), 1u);
}

TEST(Watch, NamesBuffersThatTheForwardPassHasSpoilt) {
  Full accelerator;
  torch::nn::Sequential net(torch::nn::BatchNorm1d(2), torch::nn::Linear(2, 1));
  auto model = accelerator.prepare(net);
  accelerator.watch({.folder = new_folder(accelerator)});
  const auto input = torch::tensor({{1.0F, std::nanf("")}, {2.0F, 1.0F}});
  EXPECT_THAT(message_of([&] { accelerator.backward(model(input).sum()); }),
              AllOf(HasSubstr("Buffers of the model hold NaN now (`0.running_mean`"),
                    HasSubstr("load a checkpoint")));
}

// An infinity that is meant, in a frozen parameter, a buffer and the batch.
struct MaskedNetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return (linear(x) + frozen + buffer).softmax(-1); }

  torch::nn::Linear linear = register_module("linear", torch::nn::Linear(2, 2));
  at::Tensor frozen =
      register_parameter("frozen", torch::tensor({0.0F, -std::numeric_limits<float>::infinity()}),
                         /*requires_grad=*/false);
  at::Tensor buffer = register_buffer("buffer", frozen.detach().clone());
};
TORCH_MODULE(MaskedNet);

TEST(Watch, BlamesNoMaskForTheNanOfAnotherRank) {
  Full accelerator;
  MaskedNet net;
  auto [model, loader] = accelerator.prepare(
      net, DataLoader(TensorDataset(torch::ones({4, 2}),
                                    torch::tensor({{0.0, -kInfinity}}).repeat({4, 1})),
                      {}));
  accelerator.watch({.folder = new_folder(accelerator)});
  const std::string message = message_of([&, &model = model, &loader = loader] {
    for (auto& batch : loader) {
      auto loss = (model(batch.data) + batch.target).softmax(-1).pow(2).sum();
      if (accelerator.is_last_process()) loss = (loss - 1e9).sqrt();
      accelerator.backward(loss);
    }
  });
  EXPECT_THAT(message, AllOf(HasSubstr("`aten::sqrt`"), Not(HasSubstr("load a checkpoint")),
                             Not(HasSubstr("parameters with"))));
  if (accelerator.num_processes() == 2) {
    EXPECT_THAT(message, AllOf(HasSubstr("Rank 1: "), Not(HasSubstr("Rank 0: "))));
  }
}

TEST(Watch, LeavesFiniteGradientsWithAnInfiniteNorm) {
  Full accelerator;
  torch::nn::Linear net(400, 1);
  torch::nn::Linear wide(2, 1);
  wide->to(torch::kDouble);
  auto [model, wide_model] = accelerator.prepare(net, wide);
  accelerator.watch({.folder = new_folder(accelerator)});
  Warnings warnings;
  EXPECT_EQ(message_of([&, &model = model, &wide_model = wide_model] {
              accelerator.backward((model(torch::ones({1, 400})) * 3e37).sum());
              accelerator.backward(wide_model(torch::ones({1, 2}, at::kDouble)).sum() * 1e160);
            }),
            "no error");
  EXPECT_THAT(warnings.all, IsEmpty());
}

TEST(Watch, LooksAtAPassThatSyncsWithinNoSync) {
  LogRun run(8);
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  const std::string message = message_of([&] {
    const auto scope = run.accelerator.no_sync(*run.model);
    run.accelerator.backward((*run.model)(torch::ones({1, 2})).sum());
    run.accelerator.trigger_sync_in_backward(*run.model);
    run.accelerator.backward((*run.model)(-torch::ones({1, 2})).sum());
  });
  EXPECT_THAT(message, HasSubstr("`aten::log`"));
}

// On several processes, an optimizer refuses them.
TEST(Watch, LooksAtParametersOfNoPreparedModelOnOneProcess) {
  Full accelerator;
  if (accelerator.num_processes() > 1) return;
  LogNet net;
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  auto optimizer = accelerator.prepare(sgd);
  accelerator.watch({.folder = new_folder(accelerator)});
  EXPECT_THAT(message_of([&] {
                accelerator.backward(net(-torch::ones({1, 2})).sum());
              }),
              AllOf(HasSubstr("`optimizer_0.group_0/parameter_"), HasSubstr("`aten::log`")));
}

TEST(Watch, KnowsTheForwardPassOfAGraphThatWasKept) {
  LogRun run(8);
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  const std::string message = message_of([&] {
    const auto infinite = (*run.model)(torch::ones({1, 2})) / torch::zeros({});
    run.accelerator.backward((*run.model)(torch::ones({1, 2})).sum(), {.retain_graph = true});
    run.accelerator.backward((infinite - infinite).sum());
  });
  EXPECT_THAT(message, HasSubstr("first infinity came out of `aten::div` in the forward pass"));
}

TEST(Watch, KeepsAtMostTenBatches) {
  LogRun run(8);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.watch({.folder = folder});
  std::vector<std::string> messages;
  for (int epoch = 0; messages.size() < 12; ++epoch) {
    for (auto& batch : *run.loader) {
      batch.data.fill_(-1);
      messages.push_back(message_of([&] { run.train_on(batch); }));
    }
  }
  EXPECT_THAT(messages[9], HasSubstr("is in " + folder + "/step_0_rank_0-10.safetensors"));
  EXPECT_THAT(messages[10], HasSubstr("is not saved: this rank has saved 10 already."));
}

TEST(Watch, SaysInASentenceWhyTheBatchCouldNotBeKept) {
  LogRun run(0);
  const std::string folder = new_folder(run.accelerator);
  const std::string file = folder + "/file";
  if (run.accelerator.is_main_process()) torch::save(torch::ones({1}), file);
  run.accelerator.wait_for_everyone();
  run.accelerator.watch({.folder = file});
  EXPECT_THAT(message_of([&] { run.train(); }),
              AllOf(HasSubstr("could not be saved: "), Not(HasSubstr("frame #")),
                    Not(HasSubstr("\n.")), Not(HasSubstr(".."))));
}

// Each rank speaks for itself there.
TEST(Watch, SaysThatAnotherRankMayBeToBlameWithinUnevenInputs) {
  LogRun run(8);
  if (run.accelerator.num_processes() == 1) return;
  run.accelerator.watch({.folder = new_folder(run.accelerator)});
  std::string message;
  {
    const auto joining = run.accelerator.join_uneven_inputs();
    const double sign = run.accelerator.is_last_process() ? -1 : 1;
    message = message_of([&] {
      run.accelerator.backward((*run.model)(torch::ones({1, 2}) * sign).sum());
    });
    run.optimizer->zero_grad();
  }
  if (run.accelerator.is_last_process()) {
    EXPECT_THAT(message, AllOf(HasSubstr("`aten::log`"), Not(HasSubstr("another rank"))));
  } else {
    EXPECT_THAT(message, HasSubstr("They may also have come from another rank"));
  }
}

}  // namespace
}  // namespace accelerate
