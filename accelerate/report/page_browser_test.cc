// A report's page in a real browser. Where there is none, the tests skip themselves; the pictures
// that they leave behind are for people.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "accelerate/report/report_page.h"
#include "nlohmann/json.hpp"
#include "testing/browser/browser.h"

namespace accelerate {
namespace {

using nlohmann::json;

// Eight ranks whose steps are equally long, one of which is slow and so waits less for the others.
RunReport report() {
  RunReport report;
  report.tokens_per_sample = 1024;
  report.goodput = 0.941;
  for (int rank = 0; rank < 8; ++rank) {
    const double slow = rank == 3 ? 0.9 : 0;
    MeasuredSteps measured = {.steps = 100,
                              .first_step_seconds = 0.5,
                              .median_step = 0.09,
                              .longest_step = 0.2,
                              .flops_per_step = 3e12,
                              .samples = 51'200};
    const auto set = [&measured](Phase phase, double seconds) {
      measured.seconds.at(static_cast<size_t>(phase)) = seconds;
    };
    set(Phase::kData, 0.2 + slow);
    set(Phase::kForward, 2.5);
    set(Phase::kEvaluation, 0.3);
    set(Phase::kBackward, 4.5);
    set(Phase::kCommunication, 1 - slow);
    set(Phase::kOptimizer, 0.4);
    set(Phase::kOther, 0.1);
    report.ranks.push_back(
        {.measured = measured, .peak_memory = int64_t{61} << 30, .peak_flops = 989.4e12});
  }
  return report;
}

class ReportPage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!browser_) GTEST_SKIP() << Browser::kMissing;
  }

  std::optional<Browser> browser_ = Browser::find();
};

TEST_F(ReportPage, HasBarsWhosePartsAreThePhases) {
  RunReport uneven = report();
  // A rank whose steps are half as long.
  for (double& seconds : uneven.ranks[1].measured.seconds) seconds /= 2;
  const json result = browser_->run(internal::page_of(uneven), R"js(
    const widthOf = (element) => element.getBoundingClientRect().width;
    result.bars = [...document.querySelectorAll('.bar')].map((bar) =>
      [...bar.children].map((part) => [part.title, widthOf(part) / widthOf(bar)]));
    result.legend = [...document.querySelectorAll('.legend span')].map((each) => each.textContent);
  )js");
  ASSERT_EQ(result["bars"].size(), 8u);
  for (size_t rank = 0; rank < 8; ++rank) {
    const json& bar = result["bars"][rank];
    ASSERT_EQ(bar.size(), 7u);
    EXPECT_EQ(result["legend"].size(), 7u);
    double sum = 0;
    for (size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(bar[i][0], result["legend"][i]);
      sum += bar[i][1].get<double>();
    }
    EXPECT_NEAR(sum, rank == 1 ? 0.5 : 1, 0.005) << rank;
    EXPECT_NEAR(bar[3][1].get<double>(), rank == 1 ? 0.25 : 0.5, 0.005) << rank;
  }
}

TEST_F(ReportPage, FitsWindowsOfAllWidths) {
  for (const int width : {500, 900, 1600}) {
    const json result = browser_->run(internal::page_of(report()), R"js(
      result.over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      // What a table that is too wide can be scrolled by.
      const scroll = document.querySelector('.scroll');
      result.hidden = scroll.scrollWidth - scroll.clientWidth;
      result.bar = Math.min(...[...document.querySelectorAll('.bar')].map((bar) => bar.clientWidth));
      // Text that lies on another one.
      const boxes = [...document.querySelectorAll('.figures > div')]
        .map((each) => each.getBoundingClientRect());
      result.touching = boxes.filter((a) => boxes.some((b) => a !== b && a.left < b.right &&
        b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
    )js",
                                      {.width = width});
    EXPECT_LE(result["over"], 0) << width;
    if (width >= 900) {
      EXPECT_LE(result["hidden"], 0) << width;
    }
    EXPECT_GE(result["bar"], width / 2) << width;
    EXPECT_EQ(result["touching"], 0) << width;
  }
}

TEST_F(ReportPage, IsPaintedInBothSchemes) {
  const std::string page = internal::page_of(report());
  const std::string light = browser_->take_picture(page, "report", {.height = 700});
  EXPECT_NE(light, browser_->take_picture(page, "report_dark", {.height = 700, .is_dark = true}));
  browser_->take_picture(page, "report_narrow", {.width = 500, .height = 900});
}

}  // namespace
}  // namespace accelerate
