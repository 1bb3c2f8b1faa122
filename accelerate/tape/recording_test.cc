// What a recording notices: what a replay could not do, and what differs from one call to the next.
#include "accelerate/tape/recording.h"

#include <torch/torch.h>

#include "accelerate/host_work/host_work.h"
#include "accelerate/tape/recording_summary.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

std::string obstacle_of(const std::function<void()>& step) {
  return record({}, step).obstacle.value_or("none");
}

std::string difference_between(const std::function<void()>& first,
                               const std::function<void()>& second) {
  const RecordingSummary summary(record({}, first));
  return summary.difference(record({}, second)).value_or("none");
}

TEST(RecordingTest, NotesForwardAndBackwardPass) {
  torch::nn::Linear net(3, 2);
  const auto x = torch::ones({4, 3});
  const Recording recording = record({x}, [&] { net(x).sum().backward(); });
  std::vector<std::string> names;
  for (const RecordedEntry& entry : recording.entries) names.push_back(entry.name);
  EXPECT_THAT(names, testing::Contains("aten::addmm"));
  EXPECT_THAT(names, testing::Contains("aten::mm"));
  EXPECT_FALSE(recording.obstacle.has_value());
}

TEST(RecordingTest, NamesTheOperatorThatNoReplayCanDo) {
  const auto x = torch::ones({3});
  EXPECT_THAT(obstacle_of([&] { x.sum().item<float>(); }),
              testing::AllOf(HasSubstr("`aten::_local_scalar_dense`"), HasSubstr("item()")));
  EXPECT_THAT(obstacle_of([&] { x.nonzero(); }),
              testing::AllOf(HasSubstr("`aten::nonzero`"), HasSubstr("size depends on values")));
  EXPECT_THAT(obstacle_of([&] { x.index({x > 0}); }), HasSubstr("size depends on values"));
  EXPECT_EQ(obstacle_of([&] { x.index({torch::tensor({0, 2})}); }), "none");
  EXPECT_THAT(obstacle_of([&] { x.to_sparse().mul(2); }), HasSubstr("is not dense"));
}

TEST(RecordingTest, DoesTheStepToTheEndAllTheSame) {
  auto x = torch::ones({3});
  record({}, [&] { x.add_(1), x.sum().item<float>(), x.add_(1); });
  EXPECT_EQ(x[0].item<float>(), 3);
}

TEST(RecordingTest, LetsAnExceptionThroughAndIsOverThen) {
  EXPECT_THROW(record({}, [] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(HostWorkRecorder::current(), nullptr);
}

TEST(RecordingTest, SaysWhatDiffersFromOneCallToTheNext) {
  const auto x = torch::ones({3}), y = torch::ones({3});
  EXPECT_EQ(difference_between([&] { x.mul(2); }, [&] { x.mul(2); }), "none");
  EXPECT_THAT(difference_between([&] { x.mul(2); }, [&] { x.mul(3); }),
              testing::AllOf(HasSubstr("`aten::mul"), HasSubstr("`other`"), HasSubstr("2"),
                             HasSubstr("3")));
  EXPECT_THAT(difference_between([&] { x.mul(2); }, [&] { x.sin(); }), HasSubstr("`aten::sin`"));
  EXPECT_THAT(difference_between([&] { x.sin(); }, [&] { x.sin().cos(); }),
              HasSubstr("`aten::cos` was not there before"));
  EXPECT_THAT(difference_between([&] { x.sin().cos(); }, [&] { x.sin(); }),
              HasSubstr("`aten::cos` is not there any more"));
  EXPECT_THAT(difference_between([&] { x.sin(); }, [&] { y.sin(); }),
              HasSubstr("a different `self`"));
  EXPECT_THAT(difference_between([&] { x.sin(); }, [&] { x.narrow(0, 0, 2).sin(); }),
              HasSubstr("aten::"));
}

TEST(RecordingTest, NoticesNumbersThatTheHostPutsIntoTensors) {
  const auto x = torch::ones({3});
  const auto by = [&](float number) {
    return [&x, number] { x.mul(torch::tensor(std::vector<float>{number})); };
  };
  EXPECT_EQ(difference_between(by(2), by(2)), "none");
  EXPECT_THAT(difference_between(by(2), by(3)), HasSubstr("values of the host"));
  const auto in_place = [&](float number) {
    return [&x, number] { torch::tensor(std::vector<float>{number}).add_(x.sum()); };
  };
  EXPECT_EQ(difference_between(in_place(2), in_place(2)), "none");
  EXPECT_THAT(difference_between(in_place(2), in_place(3)), HasSubstr("values of the host"));
}

TEST(RecordingTest, NoticesWorkOfTheHost) {
  int done = 0;
  const auto x = torch::ones({3});
  const Recording recording =
      record({}, [&] { in_each_replay("count", [&done, &x] { x.sin(), ++done; }), x.cos(); });
  EXPECT_EQ(done, 1);
  ASSERT_EQ(recording.entries.size(), 2u);
  EXPECT_EQ(recording.entries[0].name, "count");
  recording.entries[0].work();
  EXPECT_EQ(done, 2);
}

}  // namespace
}  // namespace accelerate
