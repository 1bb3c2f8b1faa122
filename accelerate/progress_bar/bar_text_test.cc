#include "accelerate/progress_bar/bar_text.h"

#include <limits>

#include "gtest/gtest.h"
#include "launcher/text/columns.h"

namespace accelerate::internal {
namespace {

using launcher::columns_of;

TEST(BarText, HasAllThatIsKnown) {
  const BarState state = {.description = "epoch 3",
                          .total = 100,
                          .done = 45,
                          .elapsed = 3.4,
                          .per_second = 13.2,
                          .values = "loss=0.1234"};
  EXPECT_EQ(bar_text(state, {.columns = 77}),
            "epoch 3:  45%|███████▋         | 45/100 [00:03<00:04, 13.2 it/s, loss=0.1234]");
  EXPECT_EQ(bar_text(state, {.columns = 77, .has_blocks = false}),
            "epoch 3:  45%|#######          | 45/100 [00:03<00:04, 13.2 it/s, loss=0.1234]");
  EXPECT_EQ(line_text(state), "epoch 3:  45% 45/100 [00:03<00:04, 13.2 it/s, loss=0.1234]");
}

TEST(BarText, CountsWhereThereIsNoTotal) {
  EXPECT_EQ(bar_text({.done = 45, .elapsed = 3.4, .per_second = 13.2}, {}),
            "45 it [00:03, 13.2 it/s]");
}

TEST(BarText, KnowsNoRateAtFirst) {
  EXPECT_EQ(line_text({.total = 100}), "  0% 0/100 [00:00<?, ? it/s]");
  EXPECT_EQ(line_text({.total = 0}), "100% 0/0 [00:00<00:00, ? it/s]");
}

TEST(BarText, SaysHowLongSlowStepsTake) {
  EXPECT_EQ(line_text({.total = 100, .done = 50, .elapsed = 4000, .per_second = 1 / 80.0}),
            " 50% 50/100 [1:06:40<1:06:40, 80.0 s/it]");
  EXPECT_EQ(line_text({.done = 1, .elapsed = 400'000, .per_second = 0.5}),
            "1 it [111:06:40, 2.00 s/it]");
}

TEST(BarText, ScalesUnitsOnRequest) {
  BarState state = {.total = 5'000'000, .done = 1'234, .per_second = 1200, .unit = "tokens"};
  EXPECT_EQ(line_text(state), "  0% 1234/5000000 [00:00<1:09:25, 1200 tokens/s]");
  state.unit_scale = true;
  EXPECT_EQ(line_text(state), "  0% 1.23k/5.00M [00:00<1:09:25, 1.20k tokens/s]");
  state.done = 999;
  state.per_second = 999.4;
  EXPECT_EQ(line_text(state), "  0% 999/5.00M [00:00<1:23:22, 999 tokens/s]");
  state.per_second = 999'999;
  EXPECT_EQ(line_text(state), "  0% 999/5.00M [00:00<00:04, 1.00M tokens/s]");
}

TEST(BarText, ShowsNoEndBeforeTheEnd) {
  EXPECT_EQ(line_text({.total = 1'000'000, .done = 999'999, .per_second = 1000}),
            " 99% 999999/1000000 [00:00<00:00, 1000 it/s]");
}

TEST(BarText, ShowsMoreThanTheTotal) {
  const BarState state = {.total = 4, .done = 5, .per_second = 1};
  EXPECT_EQ(line_text(state), "125% 5/4 [00:00<00:00, 1.00 it/s]");
  EXPECT_EQ(bar_text(state, {.columns = 46}), "125%|███████████| 5/4 [00:00<00:00, 1.00 it/s]");
}

TEST(BarText, StandsHugeAndSenselessNumbers) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(line_text({.total = kMost, .done = kMost, .unit_scale = true}),
            "100% 9.22E/9.22E [00:00<00:00, ? it/s]");
  EXPECT_EQ(line_text({.total = kMost, .done = 1, .per_second = 1e-3}),
            "  0% 1/9223372036854775807 [00:00<?, 1000 s/it]");
  EXPECT_EQ(line_text({.total = 10, .done = -5, .per_second = 1}),
            "  0% -5/10 [00:00<00:15, 1.00 it/s]");
}

// Whatever the width, and in each shape of a bar.
TEST(BarText, NeverTakesMoreColumnsThanThereAre) {
  const BarState states[] = {{.total = 100, .done = 45, .per_second = 1},
                             {.description = "a description of some length: 学習 😀",
                              .total = 100,
                              .done = 45,
                              .per_second = 13.2,
                              .values = "loss=0.1234, 損失=低い"},
                             {.description = std::string(1000, 'x'), .done = 45},
                             {.total = 100, .done = 200, .values = std::string(1000, 'x')}};
  for (const BarState& state : states) {
    for (int columns = 0; columns < 300; ++columns) {
      EXPECT_LE(columns_of(bar_text(state, {.columns = columns})), columns);
    }
  }
}

TEST(BarText, GivesUpTheMeterFirstAndThenTheDescription) {
  const BarState state = {.description = "training of it all",
                          .total = 100,
                          .done = 45,
                          .elapsed = 3.4,
                          .per_second = 13.2};
  EXPECT_EQ(bar_text(state, {.columns = 60}),
            "training of it all:  45% 45/100 [00:03<00:04, 13.2 it/s]");
  EXPECT_EQ(bar_text(state, {.columns = 54}),
            "training of it a:  45% 45/100 [00:03<00:04, 13.2 it/s]");
  // A third of the row is the description's.
  EXPECT_EQ(bar_text(state, {.columns = 42}), "training of :  45% 45/100 [00:03<00:04, 13");
}

}  // namespace
}  // namespace accelerate::internal
