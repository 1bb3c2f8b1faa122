// What the tests of the GradientReducer share.
//
//   TEST_F(GradientReducerTest, Averages) {
//     const std::vector<NamedParameter> parameters = make_parameters({{2, 3}});
//     GradientReducer reducer(*world_, parameters, {});
//     reducer.begin(/*eager=*/true);
//     loss_of(parameters).backward();
//     reducer.finish();
//     EXPECT_EQ(parameters[0].tensor.grad().mean().item<double>(), mean());
//   }
//
// Not for GPUs: accelerate/gpu_test.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "accelerate/gradients/gradient_reducer.h"

namespace accelerate {

class GradientReducerTest : public testing::Test {
 protected:
  static std::shared_ptr<Communicator> join() {
    const auto worker = launcher::read_worker_environment().value().value();
    return Communicator::world(worker, make_process_info(worker, c10::DeviceType::CPU), {});
  }
  // Trainable tensors `p0`, `p1`, ...
  static std::vector<NamedParameter> make_parameters(
      const std::vector<std::vector<int64_t>>& shapes, at::ScalarType type = at::kFloat) {
    std::vector<NamedParameter> parameters;
    for (const auto& shape : shapes) {
      parameters.push_back({"p" + std::to_string(parameters.size()),
                            torch::ones(shape, type).set_requires_grad(true)});
    }
    return parameters;
  }
  // A loss whose gradient with regard to each element is rank + 1.
  at::Tensor loss_of(const std::vector<NamedParameter>& parameters) const {
    at::Tensor loss = torch::zeros({}, parameters[0].tensor.scalar_type());
    for (const NamedParameter& parameter : parameters)
      loss = loss + parameter.tensor.sum() * static_cast<double>(rank_ + 1);
    return loss;
  }
  double mean() const { return (size_ + 1) / 2.0; }

  std::shared_ptr<Communicator> world_ = join();
  int rank_ = world_->rank();
  int size_ = world_->size();
};

inline constexpr double kTiny = 1e-6;  // Of a megabyte: every parameter fills a bucket.

}  // namespace accelerate
