#include "accelerate/progress_bar/progress_bar.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// Without a terminal, wherever the test runs.
class ProgressBarTest : public ::testing::Test {
 protected:
  ProgressBarTest() { setenv("TERM", "dumb", /*replace=*/1); }

  // What a function writes to standard error.
  template <class Function>
  static std::string written_by(Function function) {
    ::testing::internal::CaptureStderr();
    function();
    return ::testing::internal::GetCapturedStderr();
  }
};

// Batches that nobody knows the number of, as those of a stream.
class Stream {
 public:
  class Iterator {
   public:
    explicit Iterator(int left) : left_(left) {}
    const int& operator*() const { return left_; }
    Iterator& operator++() {
      if (left_ == 2 && fails) throw std::runtime_error("cannot read");
      --left_;
      return *this;
    }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) { return at.left_ == 0; }

    static inline bool fails = false;

   private:
    int left_;
  };
  Iterator begin() { return Iterator(3); }
  std::default_sentinel_t end() const { return {}; }
};

TEST_F(ProgressBarTest, GoesThroughAnyRange) {
  EXPECT_THAT(written_by([] {
                std::vector<int> values = {1, 2, 3};
                for (int& value : with_progress(values, {.description = "v"})) value *= 2;
                EXPECT_THAT(values, ElementsAre(2, 4, 6));
              }),
              MatchesRegex("v: 100% 3/3 \\[[0-9:]+<00:00, [0-9.]+ (it/s|s/it)\\]\n"));
  EXPECT_THAT(written_by([] {
                int sum = 0;
                for (const int value : with_progress(std::list<int>{1, 2, 3})) sum += value;
                EXPECT_EQ(sum, 6);
                const int values[] = {1, 2};
                for (const int value : with_progress(values)) sum += value;
                EXPECT_EQ(sum, 9);
              }),
              AllOf(HasSubstr("100% 3/3 "), HasSubstr("100% 2/2 ")));
}

TEST_F(ProgressBarTest, CountsWhereTheRangeHasNoSize) {
  EXPECT_THAT(written_by([] {
                Stream stream;
                for (const int& left : with_progress(stream)) EXPECT_GT(left, 0);
              }),
              MatchesRegex("3 it \\[[0-9:]+, [0-9.]+ (it/s|s/it)\\]\n"));
}

TEST_F(ProgressBarTest, GoesOnCountingInTheNextLoop) {
  EXPECT_THAT(written_by([] {
                ProgressBar bar;
                for (int epoch = 0; epoch < 2; ++epoch) {
                  for (const int value : bar.over(std::vector<int>{1, 2, 3})) EXPECT_GT(value, 0);
                }
                EXPECT_EQ(bar.done(), 6);
              }),
              HasSubstr("100% 6/6"));
  EXPECT_THAT(written_by([] {
                ProgressBar bar({.total = 6});
                for (const int value : bar.over(std::vector<int>{1, 2, 3})) EXPECT_GT(value, 0);
              }),
              HasSubstr(" 50% 3/6"));
}

TEST_F(ProgressBarTest, ShowsValuesInTheOrderOfTheirNames) {
  EXPECT_THAT(written_by([] {
                ProgressBar bar({.total = 10});
                bar.set("loss", 0.5);
                bar.set("lr", 3e-4f);
                bar.set("step", 123456);
                bar.set("state", "warm\nup");
                bar.set("loss", std::nan(""));
                bar.set("best", -std::numeric_limits<double>::infinity());
                bar.set("a\tb", size_t{7});
                bar.set("most", std::numeric_limits<uint64_t>::max());
              }),
              HasSubstr("it/s, loss=nan, lr=0.0003, step=123456, state=warm up, best=-inf, a b=7, "
                        "most=18446744073709551615]"));
}

TEST_F(ProgressBarTest, SaysWhereALoopHasBroken) {
  EXPECT_THAT(written_by([] {
                for (const int value : with_progress(std::vector<int>{1, 2, 3})) {
                  if (value == 2) break;
                }
              }),
              HasSubstr(" 33% 1/3 "));
  Stream::Iterator::fails = true;
  EXPECT_THAT(written_by([] {
                Stream stream;
                const auto read = [&stream] {
                  for (const int& left : with_progress(stream)) EXPECT_GT(left, 0);
                };
                EXPECT_THROW(read(), std::runtime_error);
              }),
              HasSubstr("2 it ["));
  Stream::Iterator::fails = false;
}

TEST_F(ProgressBarTest, EndsOnce) {
  EXPECT_THAT(written_by([] {
                ProgressBar bar({.total = 10});
                bar.advance();
                bar.finish();
                bar.advance();
                bar.set("loss", 1);
                bar.set_description("late");
                bar.finish();
                EXPECT_EQ(bar.done(), 2);
              }),
              MatchesRegex(" 10% 1/10 [^\n]*\n"));
}

TEST_F(ProgressBarTest, IsSilentWhereItIsNotToBeSeen) {
  EXPECT_EQ(written_by([] {
              ProgressBar bar({.total = 10, .visible = false, .line_interval = {}});
              bar.set("loss", 1);
              for (int i = 0; i < 100; ++i) bar.advance();
              EXPECT_EQ(bar.done(), 100);
            }),
            "");
  EXPECT_EQ(written_by([] {
              ProgressBar bar({.total = 10, .leave = false});
              for (int i = 0; i < 100; ++i) bar.advance();
            }),
            "");
}

TEST_F(ProgressBarTest, CountsNoFartherThanANumberGoes) {
  EXPECT_THAT(written_by([] {
                ProgressBar bar({.initial = std::numeric_limits<int64_t>::max() - 1});
                bar.advance();
                bar.advance();
              }),
              HasSubstr("9223372036854775807 it ["));
  EXPECT_THAT(written_by([] {
                ProgressBar bar({.total = 10, .initial = std::numeric_limits<int64_t>::min() + 1});
                bar.advance(-1);
                bar.advance(-1);
              }),
              HasSubstr("  0% -9223372036854775808/10 ["));
}

TEST_F(ProgressBarTest, GoesOnFromStepsOfARunBefore) {
  EXPECT_THAT(written_by([] {
                ProgressBar bar({.total = 10, .initial = 9});
                bar.finish();
              }),
              MatchesRegex(" 90% 9/10 \\[00:00<\\?, \\? it/s\\]\n"));
}

// A loader of which a run before has had some batches.
struct ResumedLoader {
  std::vector<int> batches;
  std::size_t whole_epoch = 0;

  std::size_t size() const { return whole_epoch; }
  std::optional<int64_t> batches_left() const {
    return knows_rest ? std::optional(static_cast<int64_t>(batches.size())) : std::nullopt;
  }
  auto begin() { return batches.begin(); }
  auto end() { return batches.end(); }

  bool knows_rest = true;
};

TEST_F(ProgressBarTest, BeginsWhereALoaderGoesOn) {
  const auto state_after = [](const ProgressBarOptions& options, ResumedLoader loader) {
    return written_by([&] {
      ProgressBar bar(options);
      for (const int batch : bar.over(loader)) EXPECT_GT(batch, 0);
      // The next epoch is a whole one.
      if (options.description != "two epochs") return;
      loader.batches.assign(loader.whole_epoch, 1);
      for (const int batch : bar.over(loader)) EXPECT_GT(batch, 0);
    });
  };
  const ResumedLoader loader = {.batches = {1, 2, 3}, .whole_epoch = 10};
  EXPECT_THAT(state_after({}, loader), HasSubstr("100% 10/10 "));
  EXPECT_THAT(state_after({.description = "two epochs"}, loader), HasSubstr("100% 20/20 "));
  // What the program says itself holds.
  EXPECT_THAT(state_after({.total = 3}, loader), HasSubstr("100% 3/3 "));
  EXPECT_THAT(state_after({.initial = 7}, loader), HasSubstr("100% 10/10 "));
  ResumedLoader unknown = loader;
  unknown.knows_rest = false;
  EXPECT_THAT(state_after({}, unknown), HasSubstr(" 30% 3/10 "));
}

TEST_F(ProgressBarTest, RatesNoStepsThatALoaderLeavesOut) {
  EXPECT_THAT(written_by([] {
                ResumedLoader loader = {.batches = {}, .whole_epoch = 1'000'000};
                for (const int batch : with_progress(loader)) EXPECT_GT(batch, 0);
              }),
              MatchesRegex("100% 1000000/1000000 \\[[0-9:]+<00:00, \\? it/s\\]\n"));
  // Nor on the way.
  EXPECT_THAT(
      written_by([] {
        ResumedLoader loader = {.batches = std::vector<int>(50, 1),
                                .whole_epoch = 1'000'000'000'000'000};
        for (const int batch : with_progress(loader, {.unit_scale = true, .line_interval = {}}))
          EXPECT_GT(batch, 0);
      }),
      AllOf(ContainsRegex("it/s"), Not(ContainsRegex("[TPE] it/s"))));
}

TEST_F(ProgressBarTest, RefusesANegativeTotal) {
  try {
    ProgressBar bar({.total = -5});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr(".total is -5; give the number of steps"));
  }
}

}  // namespace
}  // namespace accelerate
