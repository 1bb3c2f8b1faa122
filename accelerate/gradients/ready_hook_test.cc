// What the reducer takes for granted of autograd's hooks, one thread and no process group.
#include "accelerate/gradients/ready_hook.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/torch.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace accelerate::internal {
namespace {

class Noted final : public ReadyHook::Listener {
 public:
  void on_gradient_ready(size_t parameter) override {
    ready.push_back(parameter);
    if (on_ready) on_ready();
  }
  void on_hook_gone(size_t parameter) override { gone.push_back(parameter); }

  std::function<void()> on_ready;
  std::vector<size_t> ready;
  std::vector<size_t> gone;
};

class ReadyHookTest : public testing::Test {
 protected:
  void hook(const at::Tensor& parameter, size_t index) {
    torch::autograd::impl::set_post_acc_grad_hooks(
        parameter,
        std::make_unique<ReadyHook>(
            listener_, index, std::move(torch::autograd::impl::post_acc_grad_hooks(parameter))));
  }

  std::shared_ptr<Noted> listener_ = std::make_shared<Noted>();
  at::Tensor weight_ = torch::ones({3}, torch::requires_grad());
  at::Tensor other_ = torch::ones({3}, torch::requires_grad());
};

TEST_F(ReadyHookTest, IsCalledOnceAPassWhenTheGradientIsWhole) {
  hook(weight_, 7);
  at::Tensor then;
  listener_->on_ready = [&] { then = weight_.grad().clone(); };
  for (int pass = 1; pass <= 2; ++pass) {
    // Twice in one pass, by ways of different lengths.
    (weight_ * 2 + weight_.exp().log()).sum().backward();
    EXPECT_EQ(listener_->ready, std::vector<size_t>(pass, 7))
        << "autograd calls hooks after accumulation at other times than it did: gradients would be "
           "sent before they are whole";
    EXPECT_TRUE(at::allclose(then, torch::full({3}, 3.0 * pass)));
  }
}

TEST_F(ReadyHookTest, IsCalledWhileThePassGoesOn) {
  hook(weight_, 0);
  bool is_over = false;
  listener_->on_ready = [&] {
    EXPECT_FALSE(is_over)
        << "autograd calls hooks when a pass is over: nothing would travel during it";
  };
  // Far from the loss, behind the weight.
  const at::Tensor before = other_.exp().exp().exp();
  other_.register_hook([&](const at::Tensor& gradient) {
    is_over = true;
    return gradient;
  });
  (weight_ * before).sum().backward();
  EXPECT_TRUE(is_over);
  EXPECT_EQ(listener_->ready, std::vector<size_t>{0});
}

TEST_F(ReadyHookTest, NoticesThatAnotherTookItsPlace) {
  hook(weight_, 5);
  torch::autograd::impl::set_post_acc_grad_hooks(weight_, nullptr);
  EXPECT_EQ(listener_->gone, std::vector<size_t>{5})
      << "autograd keeps a hook that was replaced: gradients of which the reducer is not told "
         "would be taken for averaged ones";
}

TEST_F(ReadyHookTest, CallsTheOneThatWasThereBefore) {
  hook(weight_, 1);
  hook(weight_, 2);
  weight_.sum().backward();
  EXPECT_EQ(listener_->ready, (std::vector<size_t>{1, 2}));
}

}  // namespace
}  // namespace accelerate::internal
