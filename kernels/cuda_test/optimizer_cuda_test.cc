#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include "kernels/adam/adam_cuda.h"
#include "kernels/cuda_test/cuda_test.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/sgd/sgd_cuda.h"
#include "kernels/testing/optimizer_test.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

constexpr std::array kGradientTypes = {ElementType::kFloat, ElementType::kHalf,
                                       ElementType::kBFloat16};

// An OptimizerRun on the device, with gradients of any type and all arrays aligned alike.
template <class Gradient>
struct DeviceRun {
  DeviceRun(OptimizerRun<float>& host, int64_t count, int64_t offset)
      : parameter(moved<float>(host.parameter, count, offset)),
        gradient(moved<Gradient>(host.gradient, count, offset)),
        state{DeviceArray(moved<float>(host.state[0], count, offset)),
              DeviceArray(moved<float>(host.state[1], count, offset)),
              DeviceArray(moved<float>(host.state[2], count, offset))} {}

  template <class To>
  static TestArray<To> moved(TestArray<float>& from, int64_t count, int64_t offset) {
    TestArray<To> to(count, offset);
    for (int64_t i = 0; i < count; ++i) to[i] = convert<To>(from[i]);
    return to;
  }

  DeviceArray<float> parameter;
  DeviceArray<Gradient> gradient;
  std::array<DeviceArray<float>, 3> state;
};

// Such as a gradient of that type can be.
template <class Gradient>
void round_gradient(OptimizerRun<float>& run) {
  for (float& element : run.gradient.elements()) {
    element = convert<float>(convert<Gradient>(element));
  }
}

// `tolerance` in parts of the value; 0 for the same bits.
void expect_close(TestArray<float> actual, TestArray<float>& expected, float tolerance) {
  if (tolerance == 0) {
    EXPECT_TRUE(actual.same_as(expected));
    return;
  }
  for (int64_t i = 0; i < std::ssize(expected.elements()); ++i) {
    EXPECT_NEAR(actual[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << i;
  }
}

class OptimizerCuda : public CudaTest {
 protected:
  // Steps `on_cpu` and twice `on_gpu`, which has to have the same bits each time.
  void expect_steps(auto on_cpu, auto on_gpu, float tolerance) {
    for (const ElementType type : kGradientTypes) {
      by_type(type, [&]<class Gradient>() {
        for (const int64_t count : test_counts()) {
          for (const int64_t offset : {0, 1}) {
            OptimizerRun<float> expected(count, 0.25);
            round_gradient<Gradient>(expected);
            DeviceRun<Gradient> one(expected, count, offset), two(expected, count, offset);
            for (const OptimizerStep& step : kOptimizerSteps) {
              on_cpu(step, expected.arrays(count));
              DeviceValue<Step> on_device(Step{.gradient_factor = step.gradient_factor});
              check(on_gpu(on_device.data(), step.number - 1, one, type, count));
              check(on_gpu(on_device.data(), step.number - 1, two, type, count));
              check(cudaStreamSynchronize(stream_));
            }
            expect_close(one.parameter.to_host(), expected.parameter, tolerance);
            EXPECT_TRUE(one.parameter.to_host().same_as(two.parameter.to_host()));
            for (int i = 0; i < 3; ++i) {
              expect_close(one.state[i].to_host(), expected.state[i], tolerance);
              EXPECT_TRUE(one.state[i].to_host().same_as(two.state[i].to_host()));
            }
          }
        }
      });
    }
  }

  template <class Gradient>
  static AdamPiece adam_piece(DeviceRun<Gradient>& run, ElementType type, int64_t count,
                              bool amsgrad) {
    return {.parameter = run.parameter.data(),
            .gradient = run.gradient.data(),
            .gradient_type = type,
            .exp_avg = run.state[0].data(),
            .exp_avg_sq = run.state[1].data(),
            .max_exp_avg_sq = amsgrad ? run.state[2].data() : nullptr,
            .count = count};
  }

  void expect_adam(AdamOptions options, bool amsgrad) {
    expect_steps(
        [&](const OptimizerStep& step, const OptimizerArrays<float>& arrays) {
          adam(
              options, step.number, step.gradient_factor,
              AdamArrays<float>{arrays.parameter, arrays.gradient, arrays.state[0], arrays.state[1],
                                amsgrad ? arrays.state[2] : nullptr, arrays.count});
        },
        [&](const Step* step, int64_t steps_before, auto& run, ElementType type, int64_t count) {
          const DeviceValue<AdamOptions> group(options);
          const DeviceValue<AdamSlot> slot(AdamSlot{.number = steps_before});
          const cudaError_t error = adam_cuda(std::vector{adam_piece(run, type, count, amsgrad)},
                                              group.data(), slot.data(), step, stream_);
          // An empty array takes no step.
          EXPECT_EQ(slot.to_host().number, steps_before + (count > 0));
          return error;
        },
        1e-6f);
  }

  void expect_sgd(const SgdOptions& options) {
    const bool momentum = options.momentum != 0;
    expect_steps(
        [&](const OptimizerStep& step, const OptimizerArrays<float>& arrays) {
          sgd(options, step.number == 1, step.gradient_factor,
              SgdArrays<float>{arrays.parameter, arrays.gradient,
                               momentum ? arrays.state[0] : nullptr, arrays.count});
        },
        [&](const Step* step, int64_t steps_before, auto& run, ElementType type, int64_t count) {
          const DeviceValue<SgdOptions> group(options);
          const DeviceValue<SgdSlot> slot(SgdSlot{.number = steps_before});
          const SgdPiece piece = {.parameter = run.parameter.data(),
                                  .gradient = run.gradient.data(),
                                  .gradient_type = type,
                                  .momentum_buffer = momentum ? run.state[0].data() : nullptr,
                                  .count = count};
          const cudaError_t error =
              sgd_cuda(std::vector{piece}, group.data(), slot.data(), step, stream_);
          EXPECT_EQ(slot.to_host().number, steps_before + (momentum && count > 0));
          return error;
        },
        0);
  }
};

TEST_F(OptimizerCuda, IsAdam) {
  for (const bool decoupled : {false, true}) {
    for (const bool amsgrad : {false, true}) {
      expect_adam({.lr = 0.1,
                   .beta1 = 0.8,
                   .beta2 = 0.9,
                   .eps = 0.05,
                   .weight_decay = 0.3,
                   .decoupled_weight_decay = decoupled},
                  amsgrad);
    }
  }
}

TEST_F(OptimizerCuda, IsSgd) {
  expect_sgd({.lr = 0.1});
  expect_sgd({.lr = 0.1, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.3});
  expect_sgd({.lr = 0.1, .momentum = 0.8, .weight_decay = 0.3, .nesterov = true});
}

TEST_F(OptimizerCuda, WritesNothingAfterAnOverflow) {
  OptimizerRun<float> host(5000, 0.25);
  DeviceRun<float> run(host, 5000, 0), before(host, 5000, 0);
  const DeviceValue<Step> step(Step{.overflow = 1});
  const DeviceValue<AdamOptions> adam_group;
  const DeviceValue<AdamSlot> adam_slot;
  const AdamPiece adam = adam_piece(run, ElementType::kFloat, 5000, true);
  check(adam_cuda(std::vector{adam}, adam_group.data(), adam_slot.data(), step.data(), stream_));
  EXPECT_EQ(adam_slot.to_host().number, 0);
  const SgdPiece sgd = {.parameter = run.parameter.data(),
                        .gradient = run.gradient.data(),
                        .momentum_buffer = run.state[0].data(),
                        .count = 5000};
  const DeviceValue<SgdOptions> sgd_group(SgdOptions{.momentum = 0.9});
  const DeviceValue<SgdSlot> sgd_slot;
  check(sgd_cuda(std::vector{sgd}, sgd_group.data(), sgd_slot.data(), step.data(), stream_));
  EXPECT_EQ(sgd_slot.to_host().number, 0);
  EXPECT_TRUE(run.parameter.to_host().same_as(before.parameter.to_host()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(run.state[i].to_host().same_as(before.state[i].to_host()));
  }
}

// More than a table holds, in two groups that lie mixed; every third has stepped before.
TEST_F(OptimizerCuda, TakesManyPiecesOfSeveralGroups) {
  constexpr int64_t kPieces = 1500, kCount = 37;
  const std::array groups = {SgdOptions{.lr = 0.1, .momentum = 0.9},
                             SgdOptions{.lr = 0.3, .momentum = 0.5, .weight_decay = 0.2}};
  OptimizerRun<float> expected(kPieces * kCount, 0.25);
  DeviceRun<float> run(expected, kPieces * kCount, 0);
  std::vector<SgdPiece> pieces;
  std::vector<SgdSlot> slots(kPieces);
  for (int32_t i = 0; i < kPieces; ++i) {
    const int64_t at = i * kCount;
    const bool stepped = i % 3 == 0;
    slots[i].number = stepped;
    pieces.push_back({.parameter = run.parameter.data() + at,
                      .gradient = run.gradient.data() + at,
                      .momentum_buffer = run.state[0].data() + at,
                      .count = kCount,
                      .group = i % 2,
                      .slot = i});
    sgd(groups[i % 2], /*first_step=*/!stepped, 1,
        SgdArrays<float>{expected.parameter.data() + at, expected.gradient.data() + at,
                         expected.state[0].data() + at, kCount});
  }
  const auto groups_on_device = device_copy<SgdOptions>(groups);
  const auto slots_on_device = device_copy<SgdSlot>(slots);
  const DeviceValue<Step> step;
  check(sgd_cuda(pieces, groups_on_device.get(), slots_on_device.get(), step.data(), stream_));
  EXPECT_TRUE(run.parameter.to_host().same_as(expected.parameter));
  EXPECT_TRUE(run.state[0].to_host().same_as(expected.state[0]));
}

}  // namespace
}  // namespace accelerate::kernels
