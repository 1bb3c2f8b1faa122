#include "kernels/optimizer/optimizer_cuda.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <type_traits>
#include <vector>

#include "kernels/cuda_test/cuda_test.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/testing/optimizer_cases.h"
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

template <class Rule, class Gradient>
OptimizerPiece<Rule> piece_of(DeviceRun<Gradient>& run, const PresentState& present,
                              ElementType type, int64_t count) {
  OptimizerPiece<Rule> piece = {.parameter = run.parameter.data(),
                                .gradient = run.gradient.data(),
                                .gradient_type = type,
                                .count = count};
  for (int i = 0; i < Rule::kStates; ++i) {
    if (present[i]) piece.state[i] = run.state[i].data();
  }
  return piece;
}

class OptimizerCuda : public CudaTest {
 protected:
  // A step of all of the run.
  template <class Rule, class Gradient>
  void step_on_gpu(const OptimizerCase<Rule>& given, const OptimizerStep& step,
                   DeviceRun<Gradient>& run, ElementType type, int64_t count) {
    const int64_t steps_before = given.present[0] ? step.number - 1 : 0;
    const DeviceValue<Step> on_device(Step{.gradient_factor = step.gradient_factor});
    const DeviceValue<typename Rule::Options> group(given.options);
    const DeviceValue<OptimizerSlot<Rule>> slot(OptimizerSlot<Rule>{.number = steps_before});
    check(optimizer_cuda<Rule>(std::vector{piece_of<Rule>(run, given.present, type, count)},
                               group.data(), slot.data(), on_device.data(), stream_));
    // An empty array takes no step.
    EXPECT_EQ(slot.to_host().number, steps_before + (given.present[0] && count > 0));
  }

  // Steps once on the CPU and twice on the GPU, which has to have the same bits each time.
  template <class Rule>
  void expect_steps(const OptimizerCase<Rule>& given, float tolerance) {
    for (const ElementType type : kGradientTypes) {
      by_type(type, [&]<class Gradient>() {
        for (const int64_t count : test_counts()) {
          for (const int64_t offset : {0, 1}) {
            OptimizerRun<float> expected(count, 0.25);
            round_gradient<Gradient>(expected);
            DeviceRun<Gradient> one(expected, count, offset), two(expected, count, offset);
            for (const OptimizerStep& step : kOptimizerSteps) {
              optimizer_step(given.options, step.number, step.gradient_factor,
                             expected.arrays<Rule>(given.present, count));
              step_on_gpu(given, step, one, type, count);
              step_on_gpu(given, step, two, type, count);
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
};

TEST_F(OptimizerCuda, DoesWhatLoopsDo) {
  for_all_optimizers([&]<class Rule>(const OptimizerCase<Rule>& each) {
    // The bias corrections of Adam are powers, which a GPU rounds otherwise.
    expect_steps(each, std::is_same_v<Rule, Adam> ? 1e-6f : 0);
  });
}

TEST_F(OptimizerCuda, WritesNothingAfterAnOverflow) {
  for_all_optimizers([&]<class Rule>(const OptimizerCase<Rule>& each) {
    OptimizerRun<float> host(5000, 0.25);
    DeviceRun<float> run(host, 5000, 0), before(host, 5000, 0);
    const DeviceValue<Step> step(Step{.overflow = 1});
    const DeviceValue<typename Rule::Options> group(each.options);
    const DeviceValue<OptimizerSlot<Rule>> slot;
    const auto piece = piece_of<Rule>(run, each.present, ElementType::kFloat, 5000);
    check(
        optimizer_cuda<Rule>(std::vector{piece}, group.data(), slot.data(), step.data(), stream_));
    EXPECT_EQ(slot.to_host().number, 0);
    EXPECT_TRUE(run.parameter.to_host().same_as(before.parameter.to_host()));
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(run.state[i].to_host().same_as(before.state[i].to_host()));
    }
  });
}

// More than a table holds, in two groups that lie mixed; every third has stepped before.
TEST_F(OptimizerCuda, TakesManyPiecesOfSeveralGroups) {
  constexpr int64_t kPieces = 1500, kCount = 37;
  const std::array groups = {SgdOptions{.lr = 0.1, .momentum = 0.9},
                             SgdOptions{.lr = 0.3, .momentum = 0.5, .weight_decay = 0.2}};
  OptimizerRun<float> expected(kPieces * kCount, 0.25);
  DeviceRun<float> run(expected, kPieces * kCount, 0);
  std::vector<OptimizerPiece<Sgd>> pieces;
  std::vector<OptimizerSlot<Sgd>> slots(kPieces);
  for (int32_t i = 0; i < kPieces; ++i) {
    const int64_t at = i * kCount;
    const bool stepped = i % 3 == 0;
    slots[i].number = stepped;
    pieces.push_back({.parameter = run.parameter.data() + at,
                      .gradient = run.gradient.data() + at,
                      .state = {run.state[0].data() + at},
                      .count = kCount,
                      .group = i % 2,
                      .slot = i});
    optimizer_step(groups[i % 2], stepped ? 2 : 1, 1,
                   OptimizerArrays<Sgd, float>{expected.parameter.data() + at,
                                               expected.gradient.data() + at,
                                               {expected.state[0].data() + at},
                                               kCount});
  }
  const auto groups_on_device = device_copy<SgdOptions>(groups);
  const auto slots_on_device = device_copy<OptimizerSlot<Sgd>>(slots);
  const DeviceValue<Step> step;
  check(optimizer_cuda<Sgd>(pieces, groups_on_device.get(), slots_on_device.get(), step.data(),
                            stream_));
  EXPECT_TRUE(run.parameter.to_host().same_as(expected.parameter));
  EXPECT_TRUE(run.state[0].to_host().same_as(expected.state[0]));
}

}  // namespace
}  // namespace accelerate::kernels
