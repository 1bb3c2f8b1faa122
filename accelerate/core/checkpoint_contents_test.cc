// What checkpoints hold, and what has to be alike, on any number of processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/checkpoint_test_helpers.h"
#include "accelerate/data/tensor_dataset.h"
#include "formats/safetensors/header.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  EXPECT_THAT(message,
              HasSubstr("of another shape or type:\n  3.weight is Float with the sizes [1, 8]"));
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
              HasSubstr("the object `best` is already registered"));
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
              HasSubstr("`objects` of rank 1 differs from that of rank 0"));
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(files_in(folder), ElementsAre());
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
  EXPECT_THAT(message,
              HasSubstr("data_loaders: the checkpoint has 1, but the program has prepared 0"));
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

TEST(Checkpoint, HoldsWhatAnOptimizerOfAnotherKindTrainsBesidesTheModels) {
  Full accelerator;
  at::Tensor place = torch::full({2}, 0.5, torch::requires_grad());
  torch::optim::LBFGS lbfgs({place});
  auto optimizer = accelerator.prepare(lbfgs);
  const std::string path = new_folder(accelerator) + "/one";
  accelerator.save_state(path);
  torch::NoGradGuard no_grad;
  place.fill_(2);
  accelerator.load_state(path);
  EXPECT_EQ(place[1].item<float>(), 0.5f);
}

// As one does that makes a network when it loads.
struct Drawing {
  State state() const { return {}; }
  void load_state(const State&) { torch::rand({5}); }
};

TEST(Checkpoint, RestoresRandomNumbersAfterWhatMayDrawSome) {
  WholeRun<Full> run(1);
  Drawing drawing;
  run.accelerator.register_for_checkpointing("drawing", drawing);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);
  const at::Tensor expected = torch::rand({3});
  run.accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(torch::rand({3}), expected));
}

TEST(Checkpoint, IsRefusedWhileGradientsWaitForAnOptimizerThatStepsLessOften) {
  Full accelerator;
  torch::nn::Linear often(1, 1), seldom(1, 1);
  torch::optim::SGD first(often->parameters(), 0.1), second(seldom->parameters(), 0.1);
  auto [a, b, of_a, of_b] = accelerator.prepare(often, seldom, first, second);
  const std::string path = new_folder(accelerator) + "/one";
  const auto step = [&, &a = a, &b = b, &of_a = of_a] {
    of_a.zero_grad();
    accelerator.backward((a(torch::ones({2, 1})) + b(torch::ones({2, 1}))).sum());
    of_a.step();
  };
  step();
  // As of a GAN, whose other network gets gradients that nobody wants.
  accelerator.save_state(path);
  step();
  EXPECT_THAT(message_of([&] { accelerator.save_state(path); }), HasSubstr("wait for"));
  of_b.step();
  accelerator.save_state(path);
  step();
  accelerator.save_state(path);
  of_b.zero_grad();
  step();
  accelerator.save_state(path);
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
              HasSubstr("`models` of rank 1 differs from that of rank 0"));
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
  EXPECT_THAT(files_in(folder), ElementsAre("model.safetensors"));
  accelerator.wait_for_everyone();
  accelerator.save_model(model, folder, {.max_shard_size = 20000});
  EXPECT_THAT(files_in(folder),
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

TEST(ModelFiles, CountWhereTheirIndexNamesThem) {
  Full accelerator;
  torch::nn::Sequential net(torch::nn::Linear(64, 64), torch::nn::Linear(64, 64));
  auto model = accelerator.prepare(net);
  const std::string folder = new_folder(accelerator);
  accelerator.save_model(model, folder, {.max_shard_size = 20000});
  if (accelerator.is_main_process()) {
    // Another value for one of them, which the old file still has, too; and one that nobody names.
    const std::string header = R"({"0.bias":{"dtype":"F32","shape":[64],"data_offsets":[0,256]},)"
                               R"("left":{"dtype":"F32","shape":[1],"data_offsets":[256,260]}})";
    std::ofstream patch(folder + "/patch.safetensors", std::ios::binary);
    const uint64_t size = header.size();
    patch.write(reinterpret_cast<const char*>(&size), sizeof(size));
    patch << header << std::string(260, '\0');
    const std::string path = folder + "/model.safetensors.index.json";
    std::string index;
    std::getline(std::ifstream(path), index, '\0');
    const std::string of_bias = "\"0.bias\": \"";
    const size_t begin = index.find(of_bias) + of_bias.size();
    ASSERT_GT(begin, of_bias.size());
    index.replace(begin, index.find('"', begin) - begin, "patch.safetensors");
    std::ofstream(path) << index;
  }
  accelerator.wait_for_everyone();
  accelerator.load_model(model, folder);
  EXPECT_EQ(net->named_parameters()["0.bias"].abs().sum().item<double>(), 0);
  EXPECT_GT(net->named_parameters()["1.bias"].abs().sum().item<double>(), 0);
}

TEST(ModelFiles, AreNotTakenForTensorsOfAnotherKind) {
  Full accelerator;
  struct Counting : torch::nn::Module {
    explicit Counting(at::ScalarType type) {
      register_buffer("count", torch::full({2}, 7, type));
      register_buffer("mean", torch::zeros({2}));
    }
  };
  const auto longs = std::make_shared<Counting>(at::kLong);
  const auto ints = std::make_shared<Counting>(at::kInt);
  longs->named_buffers()["mean"].fill_(3);
  auto saved = accelerator.prepare(longs);
  auto other = accelerator.prepare(ints);
  const std::string folder = new_folder(accelerator);
  accelerator.save_model(saved, folder);
  for (const bool strict : {true, false}) {
    EXPECT_THAT(message_of([&] { accelerator.load_model(other, folder, {.strict = strict}); }),
                HasSubstr("of another shape or type:\n  count is Long with the sizes [2], and in "
                          "the program Int with [2]"));
  }
  EXPECT_EQ(ints->named_buffers()["mean"].sum().item<double>(), 0);
}

// Trains a net by an optimizer that steps by itself, and returns its parameters.
struct ByLbfgs {
  explicit ByLbfgs(int seed) {
    torch::manual_seed(seed);
    net =
        torch::nn::Sequential(torch::nn::Linear(2, 4), torch::nn::Tanh(), torch::nn::Linear(4, 1));
    lbfgs.emplace(net->parameters(), torch::optim::LBFGSOptions(0.1).max_iter(4));
    model = accelerator.prepare(net);
    optimizer = accelerator.prepare(*lbfgs);
  }
  at::Tensor loss() { return (*model)(torch::eye(2)).sub(3).square().mean(); }
  at::Tensor train(int steps) {
    for (int step = 0; step < steps; ++step) {
      optimizer->step([this] {
        optimizer->zero_grad();
        at::Tensor loss = this->loss();
        accelerator.backward(loss);
        return loss;
      });
    }
    return torch::nn::utils::parameters_to_vector(net->parameters()).detach();
  }
  Full accelerator;
  torch::nn::Sequential net = nullptr;
  std::optional<torch::optim::LBFGS> lbfgs;
  std::optional<PreparedModel<torch::nn::SequentialImpl>> model;
  std::optional<PreparedOptimizer> optimizer;
};

TEST(Checkpoint, HoldsAnOptimizerThatStepsByItself) {
  ByLbfgs run(1);
  run.train(3);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);
  const at::Tensor trained = run.train(3);
  // What a backward pass has added since would be lost.
  run.accelerator.backward(run.loss());
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(path); }),
              HasSubstr("gradients of backward() wait"));

  ByLbfgs other(2);
  other.accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(other.train(3), trained));
}

// Rather than a checkpoint that is damaged, or one that nothing can remove.
TEST(Checkpoint, RefusesWhatAHookMayNotWrite) {
  WholeRun<Full> run(1);
  run.train(1);
  const std::string folder = new_folder(run.accelerator);
  const auto message_with = [&](const std::function<void(const std::string&)>& write) {
    const int hook = run.accelerator.register_save_state_pre_hook([&](const std::string& path) {
      if (run.accelerator.is_main_process()) write(path);
    });
    const std::string message = message_of([&] { run.accelerator.save_state(folder + "/one"); });
    run.accelerator.remove_checkpoint_hook(hook);
    return message;
  };
  EXPECT_THAT(message_with([](const std::string& path) {
                std::ofstream(path + "/state.json") << std::string(100'000, ' ');
              }),
              HasSubstr("a hook has written `state.json` into the checkpoint"));
  EXPECT_THAT(message_with([](const std::string& path) {
                std::filesystem::create_directory(path + "/ema");
              }),
              HasSubstr("a hook has made the folder `ema` in the checkpoint"));
  EXPECT_EQ(message_with([](const std::string& path) { std::ofstream(path + "/notes.txt") << 1; }),
            "no error");
  EXPECT_THAT(files_in(folder + "/one"), testing::IsSupersetOf({"commit.json", "notes.txt"}));
}

struct WithBuffer : torch::nn::Module {
  explicit WithBuffer(const at::Tensor& buffer) {
    linear = register_module("linear", torch::nn::Linear(2, 2));
    register_buffer("links", buffer);
  }
  at::Tensor forward(const at::Tensor& x) { return linear(x); }
  torch::nn::Linear linear = nullptr;
};

// Of one process, and an error with its name for several, whose buffers are made equal.
TEST(Checkpoint, HoldsAnExpandedBuffer) {
  Full accelerator;
  auto net = std::make_shared<WithBuffer>(torch::arange(3.0).expand({4, 3}));
  std::optional<PreparedModel<WithBuffer>> model;
  const std::string message = message_of([&] { model = accelerator.prepare(net); });
  if (accelerator.num_processes() > 1) {
    EXPECT_THAT(message, HasSubstr("`links` of the model has the sizes [4, 3]"));
    return;
  }
  EXPECT_EQ(message, "no error");
  const std::string path = new_folder(accelerator) + "/one";
  accelerator.save_state(path);
  const at::Tensor buffer = net->buffers()[0];
  buffer.narrow(0, 0, 1).zero_();
  accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(buffer, torch::arange(3.0).expand({4, 3})));
  accelerator.save_model(*model, path + "_model");
  buffer.narrow(0, 0, 1).zero_();
  accelerator.load_model(*model, path + "_model");
  EXPECT_TRUE(torch::equal(buffer, torch::arange(3.0).expand({4, 3})));
}

TEST(Checkpoint, NamesASparseBuffer) {
  Full accelerator;
  auto net = std::make_shared<WithBuffer>(torch::eye(2).to_sparse());
  std::optional<PreparedModel<WithBuffer>> model;
  const std::string message = message_of([&] { model = accelerator.prepare(net); });
  if (accelerator.num_processes() > 1) {
    EXPECT_THAT(message, HasSubstr("`links` of the model is a sparse tensor"));
    return;
  }
  EXPECT_EQ(message, "no error");
  const std::string path = new_folder(accelerator) + "/one";
  EXPECT_THAT(message_of([&] { accelerator.save_state(path); }),
              HasSubstr("`0.links` of the models is a sparse tensor"));
}

}  // namespace
}  // namespace accelerate
