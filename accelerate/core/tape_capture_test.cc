// Captured steps on the CPU: equal to the step itself, bit for bit, in all that a step may do.
#include <torch/torch.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accelerate/capture/captured_step.h"
#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/lambda_lr.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

struct Net : torch::nn::Module {
  explicit Net(bool tied = false) : tied(tied) {
    first = register_module("first", torch::nn::Linear(6, 6));
    norm = register_module("norm", torch::nn::BatchNorm1d(6));
    second = register_module("second", torch::nn::Linear(6, 6));
  }
  at::Tensor forward(const at::Tensor& x) {
    const auto hidden = torch::dropout(norm(first(x)).relu(), 0.2, is_training());
    return torch::linear(hidden, tied ? first->weight : second->weight, second->bias);
  }
  bool tied;
  torch::nn::Linear first = nullptr, second = nullptr;
  torch::nn::BatchNorm1d norm = nullptr;
};

std::shared_ptr<Net> seeded_net(bool tied = false) {
  torch::manual_seed(3);
  return std::make_shared<Net>(tied);
}

// What a step does in this test with its handles.
template <class Accelerator>
struct Training {
  Accelerator& accelerator;
  PreparedModel<Net>& model;
  PreparedOptimizer& optimizer;
  PreparedScheduler& scheduler;
};

// Trains two nets from the same state with the same data, one with captured steps; returns the
// reason why they were not captured.
template <class Accelerator, class Step>
std::string expect_same(const AcceleratorOptions& options, const Step& step, int steps = 200,
                        bool tied = false) {
  const auto train = [&](bool captured, std::vector<at::Tensor>& losses) {
    Accelerator accelerator(options);
    auto net = seeded_net(tied);
    torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-2));
    LambdaLR decay(adamw, [](int64_t epoch) { return std::pow(0.99, epoch); });
    auto [model, optimizer, scheduler] = accelerator.prepare(net, adamw, decay);
    Training<Accelerator> training{accelerator, model, optimizer, scheduler};
    // With tied weights one stays unused.
    if (tied) net->second->weight.set_requires_grad(false);
    const auto plain = [&](const at::Tensor& x, const at::Tensor& y) {
      return step(training, x, y);
    };
    auto taped = accelerator.capture(plain);
    for (int i = 0; i < steps; ++i) {
      torch::manual_seed(1000 * accelerator.process_index() + i);
      const auto x = torch::randn({4, 6}), y = torch::randn({4, 6});
      losses.push_back((captured ? taped(x, y) : plain(x, y)).detach().clone());
    }
    for (const auto& parameter : net->parameters()) losses.push_back(parameter.detach().clone());
    for (const auto& buffer : net->buffers()) losses.push_back(buffer.clone());
    losses.push_back(torch::tensor(adamw.param_groups()[0].options().get_lr()));
    return taped.refusal().value_or("captured");
  };
  std::vector<at::Tensor> as_it_is, by_tape;
  train(false, as_it_is);
  const std::string outcome = train(true, by_tape);
  EXPECT_EQ(as_it_is.size(), by_tape.size());
  for (size_t i = 0; i < as_it_is.size(); ++i) {
    EXPECT_TRUE(as_it_is[i].equal(by_tape[i]))
        << "value " << i << ": " << by_tape[i] << " for " << as_it_is[i];
    if (!as_it_is[i].equal(by_tape[i])) break;
  }
  return outcome;
}

// All that a usual step does.
constexpr auto usual = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
  training.optimizer.zero_grad();
  const auto loss = torch::mse_loss(training.model(x), y);
  training.accelerator.backward(loss);
  training.accelerator.clip_grad_norm(training.model, 0.5);
  training.optimizer.step();
  training.scheduler.step();
  return loss.detach();
};

TEST(TapeCapture, IsTheStepBitForBit) {
  EXPECT_EQ(expect_same<Full>({}, usual), "captured");
  EXPECT_EQ(expect_same<Full>({}, usual, 200, /*tied=*/true), "captured");
}

TEST(TapeCapture, IsTheStepInLowPrecision) {
  EXPECT_EQ((expect_same<Accelerator<MultiCpu, Bf16>>({}, usual)), "captured");
  // The scale begins too high, and rises and overflows again and again.
  const AcceleratorOptions options{.loss_scale = {.init_scale = 1e9, .growth_interval = 5}};
  EXPECT_EQ((expect_same<Accelerator<MultiCpu, Fp16>>(options, usual, 60)), "captured");
}

TEST(TapeCapture, TakesOtherFormsOfAStep) {
  // Gradients that stay after the step, and are zeroed in place.
  const auto zeroed = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    const auto loss = torch::mse_loss(training.model(x), y);
    training.accelerator.backward(loss);
    training.optimizer.step();
    training.optimizer.zero_grad(/*set_to_none=*/false);
    return loss.detach();
  };
  {
    SCOPED_TRACE("zeroed in place");
    expect_same<Full>({}, zeroed, 40);
  }
  // Two backward passes, values of gradients that the program changes, clipping of two kinds.
  const auto twice = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    training.optimizer.zero_grad();
    const auto loss = torch::mse_loss(training.model(x), y);
    {
      auto scope = training.accelerator.no_sync(training.model);
      training.accelerator.backward(loss);
    }
    training.accelerator.backward(torch::l1_loss(training.model(x), y));
    training.accelerator.unscale_gradients();
    for (const auto& parameter : training.model->parameters()) parameter.grad().mul_(0.5);
    training.accelerator.clip_grad_value(training.model, 0.1);
    const auto norm = training.accelerator.clip_grad_norm(training.model, 0.3, 1);
    training.optimizer.step();
    return loss.detach() + norm;
  };
  EXPECT_EQ(expect_same<Full>({}, twice, 40), "captured");
}

TEST(TapeCapture, AccumulatesOverBatches) {
  const auto accumulating = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    auto scope = training.accelerator.accumulate(training.model);
    return usual(training, x, y);
  };
  EXPECT_EQ(expect_same<Full>({.gradient_accumulation_steps = 3}, accumulating), "captured");
  EXPECT_EQ((expect_same<Accelerator<MultiCpu, Fp16>>({.gradient_accumulation_steps = 2},
                                                      accumulating, 60)),
            "captured");
}

// ---- What cannot be taped runs as it is, and is named

TEST(TapeCapture, NamesWhatReadsAValueOnTheHost) {
  const auto reading = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    const auto loss = usual(training, x, y);
    return loss.template item<float>() > 0.1 ? loss : loss + 1;
  };
  EXPECT_THAT(expect_same<Full>({}, reading, 20),
              testing::AllOf(HasSubstr("_local_scalar_dense"), HasSubstr("item()")));
  const auto asking = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    const auto loss = usual(training, x, y);
    return training.accelerator.optimizer_step_was_skipped() ? loss + 1 : loss;
  };
  EXPECT_THAT(expect_same<Full>({}, asking, 20), HasSubstr("outside of the captured step"));
}

TEST(TapeCapture, NamesWhatDependsOnValues) {
  const auto masking = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    return usual(training, x, y) + x.masked_select(x > 0).numel();
  };
  EXPECT_THAT(expect_same<Full>({}, masking, 20), HasSubstr("aten::masked_select"));
  const auto packing = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    const auto rows = torch::nn::utils::rnn::pack_padded_sequence(
        x.unsqueeze(-1), torch::full({4}, 6), /*batch_first=*/true);
    return usual(training, x, y) + rows.data().sum();
  };
  EXPECT_THAT(expect_same<Full>({}, packing, 20), HasSubstr("aten::_pack_padded_sequence"));
  const auto asking = [](auto& training, const at::Tensor& x, const at::Tensor& y) {
    const c10::InferenceMode inference;
    const bool is_large = (x.mean() > 0).is_nonzero();
    const c10::InferenceMode training_again(false);
    return usual(training, is_large ? x : -x, y);
  };
  EXPECT_THAT(expect_same<Full>({}, asking, 20), HasSubstr("aten::is_nonzero"));
}

TEST(TapeCapture, NoticesAStepThatDoesSomethingElseEachTime) {
  int calls = 0;
  const auto counting = [&calls](auto& training, const at::Tensor& x, const at::Tensor& y) {
    return usual(training, x * (++calls % 20), y);
  };
  EXPECT_THAT(expect_same<Full>({}, counting, 20),
              testing::AllOf(HasSubstr("aten::mul"), HasSubstr("in each call")));
  const auto changing_little = [&calls](auto& training, const at::Tensor& x, const at::Tensor& y) {
    return usual(training, x * (1 + 1e-9 * (++calls % 20)), y);
  };
  EXPECT_THAT(expect_same<Full>({}, changing_little, 20),
              testing::AllOf(HasSubstr("aten::mul"), HasSubstr("in each call")));
  const auto branching = [&calls](auto& training, const at::Tensor& x, const at::Tensor& y) {
    return usual(training, ++calls % 2 == 0 ? x : x.sin(), y);
  };
  EXPECT_THAT(expect_same<Full>({}, branching, 20), HasSubstr("aten::sin"));
}

TEST(TapeCapture, TakesOptimizersWithoutAFusedForm) {
  Full accelerator;
  auto net = seeded_net();
  torch::optim::LBFGS lbfgs(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, lbfgs);
  auto step = accelerator.capture([&, &model = model, &optimizer = optimizer](const at::Tensor& x) {
    optimizer.zero_grad();
    accelerator.backward(model(x).sum());
  });
  for (int i = 0; i < 8; ++i) step(torch::ones({4, 6}));
  EXPECT_FALSE(step.refusal().has_value());
}

TEST(TapeCapture, LeavesGradientsAndOtherShapesAsTheStepWould) {
  Full accelerator;
  auto net = seeded_net();
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  auto step = accelerator.capture([&, &model = model, &optimizer = optimizer](const at::Tensor& x) {
    optimizer.zero_grad();
    accelerator.backward(model(x).square().mean());
    optimizer.step();
  });
  for (int i = 0; i < 20; ++i) step(torch::randn({2 + i % 3, 6}));
  EXPECT_FALSE(step.refusal().has_value());
  const auto before = net->first->weight.detach().clone();
  step(torch::randn({3, 6}));
  const auto moved = (before - net->first->weight.detach()) / 0.1;
  EXPECT_TRUE(torch::allclose(moved, net->first->weight.grad(), 1e-2, 1e-5));
  // Loaded anew, and frozen.
  std::stringstream saved;
  torch::save(net, saved);
  torch::load(net, saved);
  net->second->weight.set_requires_grad(false);
  const auto frozen = net->second->weight.detach().clone();
  for (int i = 0; i < 8; ++i) step(torch::randn({3, 6}));
  EXPECT_TRUE(frozen.equal(net->second->weight.detach()));
  EXPECT_FALSE(step.refusal().has_value());
}

TEST(TapeCapture, LetsTheErrorOfAStepThrough) {
  Full accelerator;
  auto step = accelerator.capture([](const at::Tensor& weight, const at::Tensor& index) {
    return torch::embedding(weight, index).sum();
  });
  const auto weight = torch::ones({3, 2});
  for (int i = 0; i < 8; ++i) step(weight, torch::tensor({0, 1}));
  EXPECT_THROW(step(weight, torch::tensor({0, 5})), c10::Error);
  EXPECT_EQ(step(weight, torch::tensor({0, 2})).item<float>(), 4);
}

// Whose gradient is that of the rows of `weight` which the index names.
struct RowsBackward : torch::autograd::Function<RowsBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& weight,
                            const at::Tensor& index) {
    context->save_for_backward({index});
    return weight * 2;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor index = context->get_saved_variables()[0];
    return {gradients[0].index_select(0, index), at::Tensor()};
  }
};

// On several processes, some of whose buckets have set off by then.
TEST(TapeCapture, GoesOnAfterAnErrorInTheBackwardPass) {
  Full accelerator({.gradients = {.first_bucket_mb = 1e-6}});
  torch::nn::Sequential net(torch::nn::Linear(4, 4), torch::nn::Linear(4, 4));
  for (const auto& parameter : net->parameters()) torch::nn::init::constant_(parameter, 0.5);
  auto model = accelerator.prepare(net);
  const auto plain = [&](const at::Tensor& x, const at::Tensor& index) {
    net->zero_grad();
    const auto hidden = net[0]->as<torch::nn::Linear>()->forward(x);
    const auto loss = net[1]->as<torch::nn::Linear>()->forward(RowsBackward::apply(hidden, index));
    accelerator.backward(loss.sum());
  };
  auto step = accelerator.capture(plain);
  const auto in_order = torch::tensor({0, 1, 2});
  const auto gradients = [&](const at::Tensor& x) {
    step(x, in_order);
    std::vector<at::Tensor> result;
    for (const auto& parameter : net->parameters()) result.push_back(parameter.grad().clone());
    return result;
  };
  for (int i = 0; i < 6; ++i) gradients(torch::ones({3, 4}));
  const auto expected = gradients(torch::ones({3, 4}));
  EXPECT_THROW(step(torch::full({3, 4}, 9.), torch::tensor({0, 1, 7})), c10::Error);
  {
    // What was under way would take these for its own.
    const auto scope = accelerator.no_sync(model);
    plain(torch::ones({3, 4}), in_order);
  }
  const auto after = gradients(torch::ones({3, 4}));
  for (size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(after[i].equal(expected[i])) << after[i];
  EXPECT_FALSE(step.refusal().has_value());
}

}  // namespace
}  // namespace accelerate
