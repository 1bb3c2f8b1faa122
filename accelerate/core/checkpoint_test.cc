// What checkpoints keep and bring back, on any number of processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "accelerate/core/test_helpers.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/optim/schedulers.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/safetensors/header.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// One for all ranks, which goes with the last user on rank 0.
template <class Accelerator>
std::string new_folder(Accelerator& accelerator) {
  std::string folder;
  if (accelerator.is_main_process()) {
    folder = std::string(std::getenv("TEST_TMPDIR")) + "/run_XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
  }
  return accelerator.broadcast_object(folder);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != ".lock") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void flip_byte(const std::string& path, int64_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

// A run with everything that has a state.
template <class Accelerator>
struct WholeRun {
  explicit WholeRun(uint64_t seed, const CheckpointOptions& checkpoints = {},
                    int64_t batch_size = 2)
      : accelerator({.gradient_accumulation_steps = 3,
                     .loss_scale = {.init_scale = 8, .growth_interval = 2},
                     .checkpoints = checkpoints}),
        net(made(seed)),
        adamw(net->parameters(), torch::optim::AdamWOptions(0.1).amsgrad(true)),
        schedule(adamw, {.step_size = 2, .gamma = 0.5}),
        model(accelerator.prepare(net)),
        optimizer(accelerator.prepare(adamw)),
        scheduler(accelerator.prepare(schedule)),
        loader(accelerator.prepare(
            DataLoader(Line(96, at::kFloat), {.batch_size = batch_size, .shuffle = true}))) {}

  static torch::nn::Sequential made(uint64_t seed) {
    torch::manual_seed(seed);
    return torch::nn::Sequential(torch::nn::Linear(1, 8), torch::nn::BatchNorm1d(8),
                                 torch::nn::Dropout(0.25), torch::nn::Linear(8, 1));
  }

  // From where the run is, until so many updates are made; saves behind the last of them.
  void train(int64_t updates, bool saves = false) {
    while (accelerator.progress().step < updates) {
      for (auto& batch : loader) {
        auto window = accelerator.accumulate(model);
        optimizer.zero_grad();
        const at::Tensor loss = torch::mse_loss(model(batch.data), batch.target);
        losses.push_back(loss.template item<double>());
        accelerator.backward(loss);
        accelerator.clip_grad_norm(model, 1.0);
        optimizer.step();
        scheduler.step();
        if (!accelerator.sync_gradients()) continue;
        if (++accelerator.progress().step < updates) continue;
        if (saves) accelerator.save_state();
        return;
      }
      accelerator.progress().next_epoch();
    }
  }

  Accelerator accelerator;
  torch::nn::Sequential net;
  torch::optim::AdamW adamw;
  StepLR schedule;
  PreparedModel<torch::nn::SequentialImpl> model;
  PreparedOptimizer optimizer;
  PreparedScheduler scheduler;
  DataLoader<Line> loader;
  std::vector<double> losses;
};

template <class WholeRun>
void expect_same(WholeRun& a, WholeRun& b) {
  EXPECT_EQ(largest_difference(*a.net, *b.net), 0);
  for (size_t i = 0; i < a.net->buffers().size(); ++i)
    EXPECT_TRUE(torch::equal(a.net->buffers()[i], b.net->buffers()[i]));
  const auto of_a = a.net->parameters(), of_b = b.net->parameters();
  for (size_t i = 0; i < of_a.size(); ++i) {
    const auto& state_a = static_cast<torch::optim::AdamWParamState&>(
        *a.adamw.state().at(of_a[i].unsafeGetTensorImpl()));
    const auto& state_b = static_cast<torch::optim::AdamWParamState&>(
        *b.adamw.state().at(of_b[i].unsafeGetTensorImpl()));
    EXPECT_EQ(state_a.step(), state_b.step());
    EXPECT_TRUE(torch::equal(state_a.exp_avg(), state_b.exp_avg()));
    EXPECT_TRUE(torch::equal(state_a.exp_avg_sq(), state_b.exp_avg_sq()));
    EXPECT_TRUE(torch::equal(state_a.max_exp_avg_sq(), state_b.max_exp_avg_sq()));
  }
  EXPECT_EQ(a.adamw.param_groups()[0].options().get_lr(),
            b.adamw.param_groups()[0].options().get_lr());
  EXPECT_EQ(a.accelerator.loss_scale(), b.accelerator.loss_scale());
  EXPECT_EQ(a.accelerator.progress().step, b.accelerator.progress().step);
  EXPECT_EQ(a.accelerator.progress().epoch, b.accelerator.progress().epoch);
}

template <class Accelerator>
class CheckpointIn : public testing::Test {};
using Precisions = testing::Types<Full, Half, BFloat>;
TYPED_TEST_SUITE(CheckpointIn, Precisions);

TYPED_TEST(CheckpointIn, GoesOnBitForBitInTheMiddleOfAnEpochTwice) {
  WholeRun<TypeParam> whole(1);
  whole.train(21);
  const std::string folder = new_folder(whole.accelerator);
  for (const bool asynchronous : {false, true}) {
    const CheckpointOptions options = {.folder = folder, .keep = 2, .asynchronous = asynchronous};
    std::vector<double> losses;
    {
      WholeRun<TypeParam> first(1, options);
      first.train(2, /*saves=*/true);
      first.accelerator.wait_for_checkpoint();
      losses = first.losses;
    }
    {
      WholeRun<TypeParam> second(2, options);
      EXPECT_TRUE(second.accelerator.resume());
      second.train(4, /*saves=*/true);
      second.accelerator.wait_for_checkpoint();
      losses.insert(losses.end(), second.losses.begin(), second.losses.end());
    }
    WholeRun<TypeParam> third(3, options);
    EXPECT_TRUE(third.accelerator.resume());
    third.train(21);
    losses.insert(losses.end(), third.losses.begin(), third.losses.end());
    EXPECT_EQ(losses, whole.losses);
    expect_same(third, whole);
  }
}

// BEHAVIOUR: eleven saves with a limit of two leave the last two.
TEST(Checkpoint, KeepsTheNewest) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.set_checkpoints({.folder = folder, .keep = 2});
  EXPECT_FALSE(run.accelerator.resume());
  run.train(1);
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(run.accelerator.save_state(), folder + "/checkpoint_" + std::to_string(i));
  }
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_10", "checkpoint_9"));
  EXPECT_THAT(
      names_in(folder + "/checkpoint_9"),
      ElementsAre("commit.json", "model.safetensors", "optimizer.safetensors", "state.json"));
}

TEST(Checkpoint, IsACopyOfTheMoment) {
  WholeRun<Full> run(1);
  run.train(1);
  const at::Tensor before = run.net->parameters()[0].detach().clone();
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.set_checkpoints({.asynchronous = true});
  run.accelerator.save_state(path);
  run.train(5);
  run.accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(run.net->parameters()[0], before));
  EXPECT_EQ(run.accelerator.progress().step, 1);
}

TEST(Checkpoint, TakesThePlaceOfOneAndOfNothingElse) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.save_state(folder + "/mine");
  run.train(2);
  run.accelerator.save_state(folder + "/mine");
  EXPECT_EQ(checkpoints::find_checkpoint(folder + "/mine")->commit->step, 2);
  if (run.accelerator.is_main_process()) {
    fs::create_directory(folder + "/thesis");
    std::ofstream(folder + "/thesis/chapter") << "text";
  }
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/thesis"); }),
              HasSubstr("thesis is there and is no checkpoint"));
  EXPECT_EQ(content_of(folder + "/thesis/chapter"), "text");
  EXPECT_THAT(names_in(folder), ElementsAre("mine", "thesis"));
}

TEST(Checkpoint, IsOneForAllRanks) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  const int rank = run.accelerator.process_index();
  const auto save = [&] { run.accelerator.save_state(folder + "/" + std::to_string(rank)); };
  if (run.accelerator.num_processes() == 1) return save();
  EXPECT_THAT(message_of(save), HasSubstr("all ranks save to one path"));
  EXPECT_THAT(names_in(folder), ElementsAre());
}

TEST(Checkpoint, PassesOverWhatIsDamaged) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.set_checkpoints({.folder = folder});
  for (int step = 1; step <= 4; ++step) {
    run.train(step);
    run.accelerator.save_state();
  }
  if (run.accelerator.is_main_process()) {
    const std::string newest = folder + "/checkpoint_3/optimizer.safetensors";
    flip_byte(newest, static_cast<int64_t>(fs::file_size(newest)) - 1);
    fs::resize_file(folder + "/checkpoint_2/model.safetensors", 100);
    fs::remove(folder + "/checkpoint_1/commit.json");
  }
  run.accelerator.wait_for_everyone();
  WholeRun<Full> other(2, {.folder = folder});
  Warnings warnings;
  EXPECT_TRUE(other.accelerator.resume());
  EXPECT_EQ(other.accelerator.progress().step, 1);
  if (other.accelerator.is_main_process()) {
    ASSERT_EQ(warnings.all.size(), 1u);
    EXPECT_THAT(warnings.all[0], HasSubstr("checkpoint_0 is the newest that is"));
    EXPECT_THAT(warnings.all[0], HasSubstr("checkpoint_3/optimizer.safetensors"));
    EXPECT_THAT(warnings.all[0], HasSubstr("checkpoint_2/model.safetensors"));
  }
  EXPECT_THAT(message_of([&] { other.accelerator.load_state(folder + "/checkpoint_3"); }),
              HasSubstr("optimizer.safetensors"));
  // The next one does not take the name of one that is there.
  EXPECT_EQ(other.accelerator.save_state(), folder + "/checkpoint_4");
}

TEST(Checkpoint, ListsAllThatDiffersAndChangesNothing) {
  WholeRun<Full> run(1);
  run.train(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);

  Full accelerator;
  torch::nn::Sequential net(torch::nn::Linear(1, 8), torch::nn::BatchNorm1d(8),
                            torch::nn::Linear(8, 3), torch::nn::Linear(3, 1));
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(0.1));
  auto model = accelerator.prepare(net);
  auto optimizer = accelerator.prepare(adamw);
  const at::Tensor before = net->parameters()[0].detach().clone();
  const std::string message = message_of([&] { accelerator.load_state(path); });
  EXPECT_THAT(message, HasSubstr("missing in the checkpoint:\n  2.bias\n  2.weight\n"));
  EXPECT_THAT(message, HasSubstr("of another form:\n  3.weight is Float of the sizes [1, 8]"));
  EXPECT_TRUE(torch::equal(net->parameters()[0], before));
}

TEST(Checkpoint, TakesWhatFitsWhenItIsNotStrict) {
  WholeRun<Full> run(1);
  run.train(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);

  Full accelerator({.gradient_accumulation_steps = 3});
  torch::nn::Sequential net(torch::nn::Linear(1, 8), torch::nn::BatchNorm1d(8),
                            torch::nn::Linear(8, 8));
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(0.1).amsgrad(true));
  StepLR schedule(adamw, {.step_size = 2, .gamma = 0.5});
  auto [model, optimizer, scheduler] = accelerator.prepare(net, adamw, schedule);
  const LoadReport report = accelerator.load_state(path, {.strict = false});
  EXPECT_THAT(report.missing, testing::IsSupersetOf({"2.bias", "2.weight"}));
  EXPECT_THAT(report.unexpected, testing::IsSupersetOf({"3.bias", "3.weight"}));
  EXPECT_TRUE(torch::equal(net->parameters()[0], run.net->parameters()[0]));
  EXPECT_EQ(adamw.state().size(), 4u);
}

// An object of each kind that a program may have.
struct Counter {
  int64_t count = 0;
  State state() const {
    State state;
    state.set("count", count);
    state.set("text", std::string("\xff\0x", 3));
    state.set("infinite", -std::numeric_limits<double>::infinity());
    return state;
  }
  void load_state(const State& state) {
    count = state.integer("count");
    EXPECT_EQ(state.text("text"), std::string("\xff\0x", 3));
    EXPECT_EQ(state.number("infinite"), -std::numeric_limits<double>::infinity());
  }
};

TEST(Checkpoint, HoldsTheProgramsOwnObjects) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  const int rank = run.accelerator.process_index();
  Counter counter{.count = 7};
  torch::nn::Linear ema(2, 3);
  torch::nn::init::constant_(ema->weight, 0.5), torch::nn::init::constant_(ema->bias, 0.25);
  at::Tensor sums = torch::full({2}, 3.0 + rank, at::kDouble);
  double best = 0.1;
  // Its archive has addresses in it, which differ between the ranks.
  torch::optim::SGD sgd(ema->parameters(), torch::optim::SGDOptions(0.1));
  auto& accelerator = run.accelerator;
  accelerator.register_for_checkpointing("counter", counter);
  accelerator.register_for_checkpointing("ema", ema);
  accelerator.register_for_checkpointing("sums", sums, {.of_each_rank = true});
  accelerator.register_for_checkpointing("best", best);
  accelerator.register_for_checkpointing("sgd", sgd);
  accelerator.progress().numbers["loss"] = std::nan("");
  EXPECT_THAT(message_of([&] { accelerator.register_for_checkpointing("best", best); }),
              HasSubstr("there is an object `best` already"));
  accelerator.save_state(path);

  counter.count = 0, best = 0;
  sums.zero_();
  torch::nn::init::zeros_(ema->weight);
  sgd.param_groups()[0].options().set_lr(5);
  accelerator.progress().numbers.clear();
  accelerator.load_state(path);
  EXPECT_EQ(counter.count, 7);
  EXPECT_EQ(best, 0.1);
  EXPECT_EQ(sums[1].item<double>(), 3.0 + rank);
  EXPECT_EQ(ema->weight[2][1].item<double>(), 0.5);
  EXPECT_EQ(sgd.param_groups()[0].options().get_lr(), 0.1);
  EXPECT_TRUE(std::isnan(accelerator.progress().numbers.at("loss")));
}

TEST(Checkpoint, RefusesObjectsThatDifferBetweenRanks) {
  WholeRun<Full> run(1);
  if (run.accelerator.num_processes() == 1) GTEST_SKIP() << "on several processes";
  const std::string folder = new_folder(run.accelerator);
  double mine = run.accelerator.process_index();
  run.accelerator.register_for_checkpointing("mine", mine);
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/one"); }),
              HasSubstr("`objects` of rank 1 is not that of rank 0"));
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(names_in(folder), ElementsAre());
}

TEST(Checkpoint, CallsHooksBefore) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  const bool is_main = run.accelerator.is_main_process();
  std::string loaded;
  const int hook = run.accelerator.register_save_state_pre_hook([&](const std::string& folder) {
    // It may leave files there, and change what is saved.
    if (is_main) std::ofstream(folder + "/note") << "text";
    run.accelerator.progress().step = 7;
  });
  run.accelerator.register_load_state_pre_hook([&](const std::string& folder) { loaded = folder; });
  run.accelerator.save_state(path);
  run.accelerator.progress().step = 0;
  run.accelerator.load_state(path);
  EXPECT_EQ(loaded, path);
  EXPECT_EQ(content_of(path + "/note"), "text");
  EXPECT_EQ(run.accelerator.progress().step, 7);
  run.accelerator.remove_checkpoint_hook(hook);
  run.accelerator.progress().step = 1;
  run.accelerator.save_state(path);
  EXPECT_EQ(checkpoints::find_checkpoint(path)->commit->step, 1);
}

TEST(Checkpoint, ThrowsOnAllRanksWhatAHookThrowsOnOne) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  const int last = run.accelerator.num_processes() - 1;
  const int hook = run.accelerator.register_save_state_pre_hook([&](const std::string&) {
    if (run.accelerator.process_index() == last) throw std::runtime_error("no note");
  });
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/one"); }),
              HasSubstr("no note"));
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(names_in(folder), ElementsAre());
  run.accelerator.remove_checkpoint_hook(hook);
  run.accelerator.save_state(folder + "/one");
}

// Buffers that a forward pass has moved on each rank for itself are one in the file.
TEST(Checkpoint, HasRankZerosBuffers) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.model(torch::full({4, 1}, 1.0 + run.accelerator.process_index()) + torch::rand({4, 1}));
  run.accelerator.save_state(path);
  const at::Tensor mean = run.net->buffers()[0].clone();
  EXPECT_TRUE(torch::equal(run.accelerator.broadcast(mean), mean));
  run.net->buffers()[0].zero_();
  run.accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(run.net->buffers()[0], mean));
}

TEST(Checkpoint, WantsAllToBePreparedBeforeItIsLoaded) {
  WholeRun<Full> run(1);
  run.train(1);
  double best = 1;
  run.accelerator.register_for_checkpointing("best", best);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);

  Full accelerator({.gradient_accumulation_steps = 3});
  auto net = WholeRun<Full>::made(5);
  torch::optim::Adam adam(net->parameters(), torch::optim::AdamOptions(0.1));
  auto model = accelerator.prepare(net);
  auto optimizer = accelerator.prepare(adam);
  const at::Tensor before = net->parameters()[0].detach().clone();
  const std::string message = message_of([&] { accelerator.load_state(path); });
  EXPECT_THAT(message, HasSubstr("data_loaders: the checkpoint has 1, and the program has "
                                 "prepared 0"));
  EXPECT_THAT(message, HasSubstr("schedules: the checkpoint has 1"));
  EXPECT_THAT(message, HasSubstr("optimizer 0 of the state is torch::optim::AdamW"));
  EXPECT_THAT(message, HasSubstr("not in the program: the object `best`"));
  EXPECT_TRUE(torch::equal(net->parameters()[0], before));
}

struct OddImpl : torch::nn::Module {
  OddImpl() {
    for (const char* name : {"pt", "format", "with\nnewline", "a/b", "\u00e4\"'"})
      register_parameter(name, torch::rand({3}));
    register_parameter("empty", torch::zeros({0, 2}));
    register_buffer("count", torch::tensor(7));
    register_buffer("flags", torch::tensor({true, false}));
    register_parameter("half", torch::rand({2, 2}, at::kHalf));
    register_parameter("strided", torch::rand({2, 3}).t().contiguous().t());
    register_parameter("complex", torch::rand({2}, at::kComplexFloat));
  }
};
TORCH_MODULE(Odd);

TEST(Checkpoint, HoldsTensorsOfAnyNameTypeAndForm) {
  Full accelerator;
  torch::manual_seed(3);
  Odd net;
  auto model = accelerator.prepare(net);
  const std::string path = new_folder(accelerator) + "/with a\nnewline";
  accelerator.save_state(path);
  Odd other;
  Full another;
  auto other_model = another.prepare(other);
  another.load_state(path);
  for (const auto& item : net->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), other->named_parameters()[item.key()])) << item.key();
  for (const auto& item : net->named_buffers())
    EXPECT_TRUE(torch::equal(item.value(), other->named_buffers()[item.key()])) << item.key();
}

// Such as a temperature, which its own optimizer trains.
TEST(Checkpoint, HoldsWhatAnOptimizerTrainsBesidesTheModels) {
  Full accelerator;
  at::Tensor temperature = torch::full({1}, 0.5, torch::requires_grad());
  torch::optim::Adam adam({temperature}, torch::optim::AdamOptions(0.1));
  auto optimizer = accelerator.prepare(adam);
  const std::string path = new_folder(accelerator) + "/one";
  accelerator.save_state(path);
  torch::NoGradGuard no_grad;
  temperature.fill_(2);
  accelerator.load_state(path);
  EXPECT_EQ(temperature.item<float>(), 0.5f);
}

TEST(Checkpoint, GoesOnWithinAPassThatLeftOutItsFirstBatches) {
  std::string path;
  std::vector<float> rest;
  const auto rows = TensorDataset(torch::arange(24, at::kFloat), torch::zeros({24}));
  for (const bool resumes : {false, true}) {
    Full accelerator;
    auto loader =
        accelerator.skip_first_batches(accelerator.prepare(DataLoader(rows, {.batch_size = 1})), 3);
    if (path.empty()) path = new_folder(accelerator) + "/one";
    if (resumes) accelerator.load_state(path);
    std::vector<float> seen;
    for (auto& batch : loader) {
      seen.push_back(batch.data.template item<float>());
      if (!resumes && seen.size() == 2) accelerator.save_state(path);
    }
    if (!resumes) rest.assign(seen.begin() + 2, seen.end());
    if (resumes) {
      EXPECT_EQ(seen, rest);
    }
  }
}

TEST(Checkpoint, WarnsWhereTheEpochWouldCountTwice) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  for (auto& batch : run.loader) (void)batch;
  Warnings warnings;
  run.accelerator.save_state(path);
  EXPECT_EQ(warnings.all.size(), run.accelerator.is_main_process() ? 1u : 0u);
  run.accelerator.progress().next_epoch();
  run.accelerator.save_state(path);
  EXPECT_EQ(warnings.all.size(), run.accelerator.is_main_process() ? 1u : 0u);
}

TEST(Checkpoint, RefusesModelsThatDifferBetweenRanks) {
  WholeRun<Full> run(1);
  if (run.accelerator.num_processes() == 1) GTEST_SKIP() << "on several processes";
  const std::string folder = new_folder(run.accelerator);
  {
    torch::NoGradGuard no_grad;
    run.net->parameters()[0].add_(run.accelerator.process_index());
  }
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/one"); }),
              HasSubstr("`models` of rank 1 is not that of rank 0"));
}

TEST(Checkpoint, IsNotLoadedWithinAPass) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);
  for (auto& batch : run.loader) {
    (void)batch;
    EXPECT_THAT(message_of([&] { run.accelerator.load_state(path); }),
                HasSubstr("leave the loop before"));
    break;
  }
  run.accelerator.load_state(path);
}

TEST(Checkpoint, LeavesNoGradientsOfTheRunBefore) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);
  {
    auto window = run.accelerator.accumulate(run.model);
    run.accelerator.backward(run.model(torch::full({4, 1}, std::nan(""))).sum());
  }
  run.accelerator.load_state(path);
  EXPECT_FALSE(run.net->parameters()[0].grad().defined());
}

TEST(Checkpoint, IsRefusedBetweenBackwardAndStep) {
  Full accelerator;
  torch::nn::Sequential net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const std::string folder = new_folder(accelerator);
  accelerator.backward(model(torch::ones({2, 1})).sum());
  EXPECT_THAT(message_of([&] { accelerator.save_state(folder + "/one"); }),
              HasSubstr("wait for the optimizer's step"));
  optimizer.step();
  accelerator.save_state(folder + "/one");
}

TEST(Checkpoint, IsRefusedWhereTheStateIsInTheAir) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  {
    auto window = run.accelerator.accumulate(run.model);
    run.accelerator.backward(run.model(torch::ones({4, 1})).sum());
    EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/one"); }),
                HasSubstr("1 of 3 batches wait for the rest of their window"));
  }
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(); }), HasSubstr("has no folder"));
  EXPECT_THAT(names_in(folder), ElementsAre());
}

TEST(Checkpoint, LeavesAStepThatSavesUncaptured) {
  Full accelerator;
  torch::nn::Sequential net = small_net();
  auto model = accelerator.prepare(net);
  const std::string folder = new_folder(accelerator);
  auto step = accelerator.capture([&](const at::Tensor& x) {
    const at::Tensor y = model(x);
    accelerator.save_state(folder + "/one");
    return y;
  });
  Warnings warnings;
  for (int i = 0; i < 6; ++i) step(torch::ones({2, 1}));
  EXPECT_THAT(step.refusal().value_or("captured"), HasSubstr("the state is saved"));
  EXPECT_THAT(names_in(folder), ElementsAre("one"));
}

TEST(Checkpoint, SaysWhatIsInTheWay) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  if (run.accelerator.is_main_process()) std::ofstream(folder + "/file") << "text";
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/file/one"); }),
              HasSubstr(folder + "/file"));
  EXPECT_THAT(message_of([&] { run.accelerator.load_state(folder + "/none"); }),
              HasSubstr(folder + "/none"));
  run.accelerator.save_state(folder + "/one");
}

struct OutputImpl : torch::nn::Module {
  explicit OutputImpl(const at::Tensor& tied) { weight = register_parameter("weight", tied); }
  at::Tensor weight;
};
TORCH_MODULE(Output);

struct TiedImpl : torch::nn::Module {
  TiedImpl() {
    embedding = register_module("embedding", torch::nn::Embedding(10, 4));
    output = register_module("output", Output(embedding->weight));
  }
  at::Tensor forward(const at::Tensor& words) {
    return torch::linear(embedding(words), output->weight);
  }
  torch::nn::Embedding embedding{nullptr};
  Output output{nullptr};
};
TORCH_MODULE(Tied);

TEST(Checkpoint, HoldsATiedTensorOnceAndSaysWho) {
  Full accelerator;
  Tied net;
  auto model = accelerator.prepare(net);
  const std::string path = new_folder(accelerator) + "/one";
  accelerator.save_state(path);
  const auto header = safetensors::read_header(path + "/model.safetensors");
  ASSERT_TRUE(header.ok());
  ASSERT_EQ(header->tensors.size(), 1u);
  EXPECT_EQ(header->tensors[0].name, "embedding.weight");
  EXPECT_EQ(header->metadata.at("output.weight"), "embedding.weight");
  const at::Tensor before = net->embedding->weight.detach().clone();
  torch::NoGradGuard no_grad;
  net->embedding->weight.zero_();
  accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(net->output->weight, before));
}

TEST(ModelFiles, AreWhatOthersReadAndWrite) {
  Full accelerator;
  torch::manual_seed(5);
  torch::nn::Sequential net(torch::nn::Linear(64, 64), torch::nn::BatchNorm1d(64),
                            torch::nn::Linear(64, 64));
  auto model = accelerator.prepare(net);
  const std::string folder = new_folder(accelerator);
  accelerator.save_model(model, folder);
  EXPECT_THAT(names_in(folder), ElementsAre("model.safetensors"));
  accelerator.wait_for_everyone();
  accelerator.save_model(model, folder, {.max_shard_size = 20000});
  EXPECT_THAT(names_in(folder),
              ElementsAre("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                          "model.safetensors.index.json"));
  torch::nn::Sequential other_net(torch::nn::Linear(64, 64), torch::nn::BatchNorm1d(64),
                                  torch::nn::Linear(64, 64));
  auto other = accelerator.prepare(other_net);
  accelerator.load_model(other, folder);
  EXPECT_EQ(largest_difference(*net, *other_net), 0);

  torch::nn::Sequential small(torch::nn::Linear(64, 64));
  auto small_model = accelerator.prepare(small);
  EXPECT_THAT(message_of([&] { accelerator.load_model(small_model, folder); }),
              HasSubstr("not in the model:\n  1.bias\n"));
  const LoadReport report = accelerator.load_model(small_model, folder, {.strict = false});
  EXPECT_EQ(report.unexpected.size(), 7u);
  EXPECT_TRUE(torch::equal(small->parameters()[0], net->parameters()[0]));
}

}  // namespace
}  // namespace accelerate
