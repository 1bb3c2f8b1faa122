// Random small models, trained in random ways by the Accelerator on several processes and by plain
// LibTorch on the whole batch, side by side: the parameters must stay the same.
//
//   bazel test //accelerate/core:all                                          the usual cases
//   ACCELERATE_FUZZ_CASES=5000 bazel-bin/accelerate/core/fuzz_test_on_2 --cpu --num_processes=2
//
// A failure names its case: ACCELERATE_FUZZ_FIRST=123 ACCELERATE_FUZZ_CASES=1 runs it alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <sstream>

#include "accelerate/core/test_helpers.h"

namespace accelerate {
namespace {

constexpr int kSteps = 20;
constexpr int kCapturedSteps = 200;
constexpr int64_t kBatch = 4;
constexpr int64_t kChannels = 4;

int from_environment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoi(value);
}

// Choices that are the same on all ranks and on both sides.
class Choices {
 public:
  explicit Choices(uint64_t seed) : engine_(seed) {}
  int64_t upto(int64_t most) { return static_cast<int64_t>(engine_() % (most + 1)); }
  bool chance(int percent) { return upto(99) < percent; }
  template <class T>
  T one_of(std::vector<T> values) {
    return values[upto(static_cast<int64_t>(values.size()) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

// A chain of blocks, some shared, frozen, unused in some steps, or used in one of two branches.
struct RandomModelImpl : torch::nn::Module {
  explicit RandomModelImpl(uint64_t seed) {
    Choices choices(seed);
    const int64_t blocks = 2 + choices.upto(4);
    for (int64_t i = 0; i < blocks; ++i) {
      const std::string name = "block" + std::to_string(i);
      const bool shares = i > 0 && choices.chance(20);
      if (shares) {
        linears.push_back(register_module(name, linears[choices.upto(i - 1)]));
      } else {
        linears.push_back(register_module(
            name, torch::nn::Linear(
                      torch::nn::LinearOptions(kChannels, kChannels).bias(choices.chance(70)))));
      }
      roles.push_back(choices.one_of<int>({kAlways, kAlways, kAlways, kNever, kOddSteps, kBranch}));
    }
    roles[0] = kAlways;
    if (choices.chance(40)) {
      convolution = register_module(
          "convolution",
          torch::nn::Conv2d(torch::nn::Conv2dOptions(2, kChannels, 2).bias(choices.chance(50))));
      if (choices.chance(70)) {
        convolution->weight.set_data(
            convolution->weight.detach().contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
    if (choices.chance(40)) {
      scale = register_parameter("scale", torch::ones({kChannels}));
      // Tied by hand: used twice in the graph.
      scale_twice = choices.chance(50);
    }
    // Its bias stays, so that every step has something to train.
    if (choices.chance(30) && linears[0]->bias.defined())
      linears[0]->weight.set_requires_grad(false);
  }

  at::Tensor forward(at::Tensor x, int step) {
    if (!convolution.is_empty()) {
      x = convolution(x.view({-1, 2, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast)).flatten(1);
    } else {
      x = x.narrow(1, 0, kChannels);
    }
    for (size_t i = 0; i < linears.size(); ++i) {
      if (roles[i] == kNever || (roles[i] == kOddSteps && step % 2 == 0)) continue;
      if (roles[i] == kBranch && (step / 3) % 2 == static_cast<int>(i) % 2) continue;
      x = torch::tanh(linears[i](x)) + 0.5 * x;
      if (scale.defined()) x = x * scale;
    }
    return scale.defined() && scale_twice ? x * scale : x;
  }

  enum { kAlways, kNever, kOddSteps, kBranch };
  std::vector<torch::nn::Linear> linears;
  std::vector<int> roles;
  torch::nn::Conv2d convolution{nullptr};
  at::Tensor scale;
  bool scale_twice = false;
};
TORCH_MODULE(RandomModel);

std::vector<at::Tensor> distinct(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& each : parameters) {
    bool known = false;
    for (const at::Tensor& other : result) known = known || other.is_same(each);
    if (!known) result.push_back(each);
  }
  return result;
}

template <class Optimizer, class Options, class Change>
std::unique_ptr<torch::optim::Optimizer> make(const std::vector<at::Tensor>& parameters,
                                              Choices& choices, Change change) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  const int64_t number = 1 + choices.upto(2);
  std::vector<std::vector<at::Tensor>> members(number);
  for (const at::Tensor& each : parameters) members[choices.upto(number - 1)].push_back(each);
  for (auto& each : members) {
    Options options(choices.one_of<double>({0.003, 0.01, 0.02}));
    change(options);
    groups.emplace_back(each, std::make_unique<Options>(options));
  }
  return std::make_unique<Optimizer>(groups, Options(0.01));
}

std::unique_ptr<torch::optim::Optimizer> random_optimizer(std::vector<at::Tensor> parameters,
                                                          uint64_t seed) {
  using namespace torch::optim;  // NOLINT: five classes and their options
  Choices choices(seed);
  const auto decay = [&] { return choices.one_of<double>({0, 0.01, 0.1}); };
  switch (choices.upto(4)) {
    case 0:
      return make<AdamW, AdamWOptions>(parameters, choices, [&](AdamWOptions& options) {
        options.weight_decay(decay()).amsgrad(choices.chance(30)).eps(1e-3);
      });
    case 1:
      return make<Adam, AdamOptions>(parameters, choices, [&](AdamOptions& options) {
        options.weight_decay(decay()).amsgrad(choices.chance(30)).eps(1e-3);
      });
    case 2:
      return make<SGD, SGDOptions>(parameters, choices, [&](SGDOptions& options) {
        options.weight_decay(decay()).momentum(choices.one_of<double>({0, 0.9}));
        if (options.momentum() > 0 && choices.chance(50))
          options.nesterov(true);
        else
          options.dampening(choices.one_of<double>({0, 0.5}));
      });
    case 3:
      return make<RMSprop, RMSpropOptions>(parameters, choices, [&](RMSpropOptions& options) {
        options.weight_decay(decay()).momentum(choices.one_of<double>({0, 0.5})).eps(1e-2);
        options.centered(choices.chance(30));
      });
    default:
      return make<Adagrad, AdagradOptions>(parameters, choices, [&](AdagradOptions& options) {
        options.weight_decay(decay()).lr_decay(choices.one_of<double>({0, 0.01})).eps(1e-3);
        options.initial_accumulator_value(0.1);
      });
  }
}

// What else programs do with weights and gradients, the same on both sides.
struct Moves {
  explicit Moves(uint64_t seed) {
    // Not from the choices of the model, which stay as they are.
    Choices choices(seed + 1'000'003);
    replaces_gradients = choices.chance(15);
    writes_gradients = choices.chance(15);
    clips_twice = choices.chance(15);
    perturbs = choices.chance(15);
    swaps = choices.chance(15);
    throws = choices.chance(15);
    leaves_windows = choices.chance(15);
    unprepared = choices.chance(15);
  }

  // `gradient_of` gives a parameter's gradient to be read and written.
  template <class GradientOf>
  void change_gradients(const std::vector<at::Tensor>& parameters, GradientOf gradient_of) const {
    torch::NoGradGuard no_grad;
    for (at::Tensor parameter : parameters) {
      if (!parameter.grad().defined()) continue;
      const at::Tensor kept = torch::arange(parameter.numel()).view(parameter.sizes()) % 3 > 0;
      if (replaces_gradients) parameter.mutable_grad() = gradient_of(parameter) * kept;
      if (writes_gradients) parameter.mutable_grad() = gradient_of(parameter).add_(0.01);
    }
  }

  std::string text() const {
    return c10::str("replaces gradients ", replaces_gradients, ", writes them ", writes_gradients,
                    ", clips twice ", clips_twice, ", perturbs ", perturbs, ", swaps ", swaps,
                    ", throws ", throws, ", leaves windows ", leaves_windows, ", unprepared ",
                    unprepared);
  }

  // Between a clip and the step.
  bool replaces_gradients;
  bool writes_gradients;
  bool clips_twice;
  // Backward passes at other weights, which are put there by set_data().
  bool perturbs;
  // The weights and those of another net change places now and then.
  bool swaps;
  // A backward pass fails, and the program goes on.
  bool throws;
  // Loops of accumulate() end in the middle of a window, with steps outside of it behind.
  bool leaves_windows;
  // The input comes from a net that was not prepared.
  bool unprepared;
};

// Gives the weights other memory, with something added to them, until the end of the scope.
class Perturbed {
 public:
  explicit Perturbed(std::vector<at::Tensor> parameters) : parameters_(std::move(parameters)) {
    for (at::Tensor& each : parameters_) {
      before_.push_back(each.detach());
      each.set_data(each.detach() + 0.02);
    }
  }
  ~Perturbed() {
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].set_data(before_[i]);
  }

 private:
  std::vector<at::Tensor> parameters_, before_;
};

void swap_memory(std::vector<at::Tensor> ours, std::vector<at::Tensor> theirs) {
  for (size_t i = 0; i < ours.size(); ++i) {
    const at::Tensor kept = ours[i].detach();
    ours[i].set_data(theirs[i].detach());
    theirs[i].set_data(kept);
  }
}

struct FailingBackward : torch::autograd::Function<FailingBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x) {
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 const torch::autograd::variable_list&) {
    throw std::runtime_error("a backward pass that fails");
  }
};

template <class Accelerator>
void expect_same_training(uint64_t seed) {
  Choices choices(seed);
  const Moves moves(seed);
  const int64_t window = choices.one_of<int64_t>({1, 1, 2, 3});
  const double clip = choices.one_of<double>({0, 0, 0.1, 1});
  const bool zero_first = choices.chance(50), set_to_none = choices.chance(70);
  // fp64 shows what is more than rounding.
  const at::ScalarType type = choices.chance(50) ? at::kDouble : at::kFloat;
  Accelerator accelerator({.gradients = {.bucket_cap_mb = choices.one_of<double>({1e-6, 1e-4, 25}),
                                         .first_bucket_mb = choices.one_of<double>({1e-6, 1}),
                                         .overlap = choices.chance(80)},
                           .gradient_accumulation_steps = window,
                           .gradient_accumulation = {.sync_each_batch = choices.chance(30)}});
  const int64_t rank = accelerator.process_index(), size = accelerator.num_processes();
  SCOPED_TRACE(c10::str("window ", window, ", clip ", clip, ", zero first ", zero_first,
                        ", to none ", set_to_none, ", ", moves.text()));

  torch::manual_seed(seed);
  RandomModel net(seed), plain(seed);
  net->to(type);
  plain->to(type);
  copy_parameters(*net, *plain);
  auto own_optimizer = random_optimizer(distinct(net->parameters()), seed);
  auto plain_optimizer = random_optimizer(distinct(plain->parameters()), seed);
  const auto own_parameters = distinct(net->parameters());
  const auto plain_parameters = distinct(plain->parameters());
  RandomModel own_average(seed), plain_average(seed);
  own_average->to(type);
  plain_average->to(type);
  copy_parameters(*own_average, *plain_average);
  torch::nn::Linear encoder(8, 8);
  encoder->to(type);
  auto [model, optimizer] = accelerator.prepare(net, *own_optimizer);
  ASSERT_TRUE(optimizer.is_fused());

  for (int step = 0; step < kSteps; ++step) {
    // The same graph in all batches of a window, so that both sides see one function.
    const int phase = step / static_cast<int>(window);
    at::Tensor x = torch::randn({kBatch * size, 8}, type);
    if (moves.unprepared) x = encoder(x).detach();
    const at::Tensor mine = x.narrow(0, kBatch * rank, kBatch);
    if (moves.swaps && step % 6 == 5 && window == 1) {
      swap_memory(own_parameters, distinct(own_average->parameters()));
      swap_memory(plain_parameters, distinct(plain_average->parameters()));
    }
    if (moves.throws && step % 7 == 3 && window == 1) {
      EXPECT_ANY_THROW(
          accelerator.backward(FailingBackward::apply(model(mine, phase)).square().mean()));
      EXPECT_ANY_THROW(FailingBackward::apply(plain->forward(x, phase)).mean().backward());
      own_optimizer->zero_grad();
      plain_optimizer->zero_grad();
    }
    {
      auto scope = accelerator.accumulate(model);
      if (zero_first) optimizer.zero_grad(set_to_none);
      {
        std::optional<Perturbed> perturbed;
        if (moves.perturbs) perturbed.emplace(own_parameters);
        accelerator.backward(model(mine, phase).square().mean());
      }
      if (clip > 0) accelerator.clip_grad_norm(model, clip);
      if (accelerator.sync_gradients()) {
        moves.change_gradients(own_parameters, [&](const at::Tensor& parameter) {
          return accelerator.whole_gradient(parameter);
        });
        if (moves.clips_twice) accelerator.clip_grad_norm(model, 0.05);
      }
      optimizer.step();
      if (!zero_first) optimizer.zero_grad(set_to_none);
    }

    if (step % window == 0) plain_optimizer->zero_grad(set_to_none);
    {
      std::optional<Perturbed> perturbed;
      if (moves.perturbs) perturbed.emplace(plain_parameters);
      (plain->forward(x, phase).square().mean() / static_cast<double>(window)).backward();
    }
    if ((step + 1) % window == 0) {
      if (clip > 0) torch::nn::utils::clip_grad_norm_(plain_parameters, clip);
      moves.change_gradients(plain_parameters,
                             [](const at::Tensor& parameter) { return parameter.grad(); });
      if (moves.clips_twice) torch::nn::utils::clip_grad_norm_(plain_parameters, 0.05);
      plain_optimizer->step();
    }
    if (moves.leaves_windows && (step + 1) % window == 0 && step % 4 == 3) {
      // A batch of a window that is never filled, and one by itself.
      if (window > 1) {
        auto scope = accelerator.accumulate(model);
        if (zero_first) optimizer.zero_grad(set_to_none);
        accelerator.backward(model(mine, phase).square().mean());
        optimizer.step();
      }
      optimizer.zero_grad();
      accelerator.backward(model(mine, phase).square().mean());
      optimizer.step();
      optimizer.zero_grad();
      plain_optimizer->zero_grad();
      plain->forward(x, phase).square().mean().backward();
      plain_optimizer->step();
      plain_optimizer->zero_grad();
    }
    if (step == kSteps / 2) {
      for (auto* each : {own_optimizer.get(), plain_optimizer.get()}) {
        auto& options = each->param_groups().back().options();
        options.set_lr(options.get_lr() / 2);
      }
    }
    // What is cut over the ranks is saved by save_state().
    if (step == 7 && choices.chance(20) && std::is_same_v<Accelerator, Full>) {
      std::stringstream saved;
      torch::save(*own_optimizer, saved);
      torch::load(*own_optimizer, saved);
    }
  }
  const double tolerance = type == at::kDouble ? 1e-10 : 5e-4;
  EXPECT_LT(largest_difference(*net, *plain), tolerance);
}

// A random model, trained in a random way by captured steps or by the step as it is.
template <class Accelerator>
std::vector<at::Tensor> parameters_after(uint64_t seed, bool captured) {
  Choices choices(seed);
  const double clip = choices.one_of<double>({0, 0, 0.1, 1});
  const bool zero_first = choices.chance(50), set_to_none = choices.chance(70);
  Accelerator accelerator({.gradients = {.bucket_cap_mb = choices.one_of<double>({1e-6, 25}),
                                         .overlap = choices.chance(80)},
                           .gradient_accumulation_steps = choices.one_of<int64_t>({1, 1, 2, 3}),
                           .loss_scale = {.growth_interval = 7}});
  torch::manual_seed(seed);
  RandomModel net(seed);
  auto own_optimizer = random_optimizer(distinct(net->parameters()), seed);
  auto [model, optimizer] = accelerator.prepare(net, *own_optimizer);
  const auto step = [&, &model = model, &optimizer = optimizer](const at::Tensor& x) {
    auto scope = accelerator.accumulate(model);
    if (zero_first) optimizer.zero_grad(set_to_none);
    // What a captured step does is the same in each call.
    accelerator.backward(model(x, static_cast<int>(seed % 7)).square().mean());
    if (clip > 0) accelerator.clip_grad_norm(model, clip);
    optimizer.step();
    if (!zero_first) optimizer.zero_grad(set_to_none);
  };
  auto taped = accelerator.capture(step);
  for (int i = 0; i < kCapturedSteps; ++i) {
    torch::manual_seed(1000 * i + accelerator.process_index());
    // Of two sizes.
    const at::Tensor x = torch::randn({kBatch + (i % 5 == 4), 8});
    captured ? taped(x) : step(x);
  }
  std::vector<at::Tensor> result;
  for (const at::Tensor& parameter : net->parameters()) result.push_back(parameter.detach());
  return result;
}

template <class Accelerator>
void expect_same_captured(uint64_t seed) {
  const auto as_it_is = parameters_after<Accelerator>(seed, false);
  const auto captured = parameters_after<Accelerator>(seed, true);
  for (size_t i = 0; i < captured.size(); ++i)
    EXPECT_TRUE(captured[i].equal(as_it_is[i])) << "parameter " << i;
}

template <class Case>
void for_each_case(int usual, const Case& expect) {
  // Of models this small, threads of a busy machine only wait for each other.
  at::set_num_threads(1);
  const int first = from_environment("ACCELERATE_FUZZ_FIRST", 0);
  const int cases = from_environment("ACCELERATE_FUZZ_CASES", usual);
  for (int i = first; i < first + cases && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    expect(i);
  }
}

using Zero1 = Accelerator<Zero1Cpu, Fp32>;
using Zero2 = Accelerator<Zero2Cpu, Fp32>;

TEST(Fuzz, TrainsRandomModelsAsLibTorchDoes) { for_each_case(60, expect_same_training<Full>); }
TEST(Fuzz, TrainsRandomModelsInPartsAsLibTorchDoes) {
  {
    SCOPED_TRACE("ZeRO-1");
    for_each_case(40, expect_same_training<Zero1>);
  }
  SCOPED_TRACE("ZeRO-2");
  for_each_case(40, expect_same_training<Zero2>);
}

TEST(Fuzz, CapturesStepsOfRandomModelsBitForBit) {
  for_each_case(10, expect_same_captured<Full>);
  for_each_case(3, expect_same_captured<BFloat>);
  for_each_case(4, expect_same_captured<Zero1>);
  for_each_case(4, expect_same_captured<Zero2>);
}

}  // namespace
}  // namespace accelerate
