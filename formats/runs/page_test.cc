#include "formats/runs/page.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/runs/curve.h"
#include "formats/runs/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace accelerate::runs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kBegin = R"(<script type="application/json" id="data">)";

// What the page carries of the runs, as a browser finds it.
std::string data_of(const std::string& html) {
  const std::size_t begin = html.find(kBegin) + kBegin.size();
  return html.substr(begin, html.find("</script>", begin) - begin);
}

Run run_named(const std::string& name, const std::vector<double>& values) {
  std::vector<metrics::Point> points;
  for (const double value : values) {
    const auto step = static_cast<std::int64_t>(points.size()) + 1;
    points.push_back({step, 1000 + 0.1234567 * static_cast<double>(step), value});
  }
  return {.name = name,
          .path = absl::StrCat("runs/", name),
          .started_at = 1000,
          .metrics = {summarize("loss", points)}};
}

TEST(Page, CarriesTheRuns) {
  const nlohmann::json data = nlohmann::json::parse(
      data_of(page("runs", {run_named("first", {1.0 / 3, std::stod("nan")})})));
  EXPECT_EQ(data["folder"], "runs");
  EXPECT_EQ(data["runs"][0]["name"], "first");
  const nlohmann::json& curve = data["runs"][0]["metrics"]["loss"]["curve"];
  EXPECT_EQ(curve["steps"], nlohmann::json({1, 2}));
  EXPECT_EQ(curve["seconds"], nlohmann::json({0.123, 0.247}));
  EXPECT_EQ(curve["means"], nlohmann::json({0.3333333, nullptr}));
  EXPECT_EQ(curve["nonFinite"], nlohmann::json::array({1}));
  EXPECT_FALSE(curve.contains("lowest"));
}

TEST(Page, CarriesTheRangeOfEachColumnOfALongCurve) {
  std::vector<double> values(10 * kMostColumns, 1.0);
  values[5] = 7;
  const nlohmann::json data =
      nlohmann::json::parse(data_of(page("runs", {run_named("first", values)})));
  const nlohmann::json& curve = data["runs"][0]["metrics"]["loss"]["curve"];
  EXPECT_EQ(curve["steps"].size(), kMostColumns);
  EXPECT_EQ(curve["highest"][0], 7);
  EXPECT_EQ(curve["lowest"][0], 1);
  EXPECT_EQ(curve["means"][0], 1.6);
}

TEST(Page, HasABoundHoweverManyCurvesThereAre) {
  runs::Run run = run_named("first", std::vector<double>(kMostColumns, 1.0));
  run.metrics[0].name = "0";
  for (int i = 1; i < 4000; ++i) {
    run.metrics.push_back(run.metrics[0]);
    run.metrics.back().name = absl::StrCat(i);
  }
  const nlohmann::json data = nlohmann::json::parse(data_of(page("runs", {run})));
  const nlohmann::json& curve = data["runs"][0]["metrics"]["7"]["curve"];
  EXPECT_EQ(curve["steps"].size(), 2'000'000u / 4001);
  EXPECT_EQ(curve["steps"].back(), kMostColumns);
  EXPECT_EQ(curve["highest"].size(), curve["steps"].size());
}

TEST(Page, TakesNoTextForHtml) {
  for (const std::string evil : {"</script><script>alert(1)</script>", "<!--<script>", "{{data}}",
                                 "\xff\xfe", "a&amp;b", "\u2028", "\"}]}"}) {
    runs::Run run = run_named(evil, {1});
    run.metrics[0].name = evil;
    run.config = {{evil, evil}};
    run.remarks = {evil};
    const std::string html = page(evil, {run});
    const std::string text = data_of(html);
    for (const char* harm : {"<", ">", "&", "\xff", "\u2028"}) {
      EXPECT_THAT(text, Not(HasSubstr(harm))) << evil;
    }
    const nlohmann::json data = nlohmann::json::parse(text);
    if (evil[0] == '\xff') continue;
    EXPECT_EQ(data["folder"], evil);
    EXPECT_EQ(data["runs"][0]["config"][evil], evil);
    EXPECT_EQ(html.size() - text.size(), page("", {}).size() - data_of(page("", {})).size());
  }
}

TEST(Page, LoadsNothing) {
  const std::string html = page("runs", {});
  for (const char* place : {"{{", "src=", "href=", "url(\"", "@import", "https:", "//cdn"}) {
    EXPECT_THAT(html, Not(HasSubstr(place)));
  }
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

}  // namespace
}  // namespace accelerate::runs
