// The page in a real browser: what it draws, and what its controls do. Where there is none, the
// tests skip themselves.

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/runs/page.h"
#include "formats/runs/read_runs.h"
#include "formats/runs/testing/run_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "testing/browser/browser.h"

namespace accelerate::runs {
namespace {

using nlohmann::json;

// What scripts of the tests use.
constexpr char kHelpers[] = R"js(
const chartOf = (name) => document.querySelector(`[data-metric="${name}"]`);
// The corners of a line, as numbers.
const cornersOf = (path) => [...path.getAttribute('d').matchAll(/[ML]([-.\d]+) ([-.\d]+)/g)]
  .map((match) => [Number(match[1]), Number(match[2])]);
const linesOf = (name) => Object.fromEntries([...chartOf(name).querySelectorAll('path.line')]
  .map((path) => [path.dataset.run, cornersOf(path)]));
// Where the marks of the y axis are.
const levelsOf = (name) => Object.fromEntries([...chartOf(name).querySelectorAll('text')]
  .filter((text) => Number(text.getAttribute('x')) < 52)
  .map((text) => [text.textContent, text.getAttribute('y') - 4]));
const textOf = (selector) => [...document.querySelectorAll(selector)]
  .map((each) => each.textContent.replaceAll('\u00a0', ' '));
const change = (id, value) => {
  const input = document.getElementById(id);
  if (input.type === 'checkbox') input.checked = value; else input.value = value;
  input.dispatchEvent(new Event(input.type === 'checkbox' ? 'change' : 'input'));
};
const pointer = (type, name, x, y = 100) => {
  const plot = chartOf(name).querySelector('svg.plot'), box = plot.getBoundingClientRect();
  plot.dispatchEvent(new PointerEvent(type,
    {clientX: box.left + x, clientY: box.top + y, pointerType: 'mouse'}));
};
// What is said about the place of a corner of a line.
const said = (name, run, corner) => {
  pointer('pointermove', name, linesOf(name)[run][corner][0]);
  const [at] = textOf('#tooltip .at');
  return {at, names: textOf('#tooltip .name'), values: textOf('#tooltip .value')};
};
)js";

class PageInABrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!browser_) GTEST_SKIP() << Browser::kMissing;
    setenv("TZ", "UTC", /*replace=*/1);
  }

  // What `script` leaves in `result`, run in the page of the runs in folder().
  json run(const std::string& script, int width = 1300) const {
    return browser_->run(page_of_runs(), kHelpers + script, {.width = width});
  }
  std::string take_picture(const std::string& name, const BrowserWindow& window) const {
    return browser_->take_picture(page_of_runs(), name, window);
  }

  const std::string& folder() const { return folder_; }

 private:
  std::string page_of_runs() const {
    const auto runs = read_runs(folder());
    EXPECT_TRUE(runs.ok()) << runs.status();
    return runs.ok() ? page("the runs", *runs) : "";
  }

  std::string folder_ = new_runs_folder();
  std::optional<Browser> browser_ = Browser::find();
};

TEST_F(PageInABrowser, DrawsEachRunWhereItsValuesAre) {
  write_run(folder() + "/first", {{"loss", {5, 4, 3, 2, 1}}, {"accuracy", {0.5}}});
  write_run(folder() + "/second", {{"loss", {1, 2, std::stod("nan"), 4, 5}}});
  const json result = run(R"js(
    result.lines = linesOf('loss');
    result.levels = levelsOf('loss');
    result.crosses = chartOf('loss').querySelectorAll('.cross').length;
    result.charts = textOf('.chart h3');
    result.dot = chartOf('accuracy').querySelector('path.line').getAttribute('d');
    result.said = said('loss', 'first', 3);
    result.unsaid = said('loss', 'first', 2);
    result.results = textOf('#results tbody tr:first-child > *');
    result.winners = textOf('#results .winner');
  )js");
  EXPECT_EQ(result["charts"], json({"accuracy", "loss"}));
  const json& lines = result["lines"];
  ASSERT_EQ(lines["first"].size(), 5u);
  ASSERT_EQ(lines["second"].size(), 4u);
  for (int value = 1; value <= 5; ++value) {
    const double level = result["levels"][absl::StrCat(value)];
    EXPECT_NEAR(lines["first"][5 - value][1], level, 0.1);
    // The third value of the other one is none.
    if (value == 3) continue;
    EXPECT_NEAR(lines["second"][value < 3 ? value - 1 : value - 2][1], level, 0.1);
  }
  const auto x = [&lines](int i) { return lines["first"][i][0].get<double>(); };
  for (int i = 1; i < 5; ++i) EXPECT_NEAR(x(i) - x(i - 1), (x(4) - x(0)) / 4, 0.2);
  EXPECT_EQ(result["crosses"], 1);
  EXPECT_THAT(result["dot"].get<std::string>(), ::testing::EndsWith("h0.01"));
  EXPECT_EQ(result["said"]["at"], "Step 4");
  EXPECT_EQ(result["said"]["names"], json({"second", "first"}));
  EXPECT_EQ(result["said"]["values"], json({"4", "2"}));
  EXPECT_EQ(result["unsaid"]["values"], json({"3", "not finite"}));
  EXPECT_EQ(result["results"], json({"first", "5", "50 s", "0.5", "0.5", "1", "1"}));
}

TEST_F(PageInABrowser, DoesWhatItsControlsSay) {
  write_run(folder() + "/first", {{"loss", {1, 10, 100, 1000}}, {"accuracy", {0.1, 0.2}}},
            R"({"lr": 0.1, "layers": 12})");
  write_run(folder() + "/second", {{"loss", {1000, 100, 10, 0}}}, R"({"lr": 0.2, "layers": 12})");
  const json result = run(R"js(
    result.settings = textOf('#settings tbody tr > *');
    change('differing', false);
    result.allSettings = textOf('#settings tbody tr > *');
    result.differing = textOf('#settings tr.differs > th');
    change('log', true);
    result.log = linesOf('loss');
    result.remark = textOf('.remark');
    change('log', false);
    change('smoothing', 0.5);
    result.smooth = said('loss', 'first', 1).values;
    result.raw = chartOf('loss').querySelectorAll('path.raw').length;
    change('smoothing', 0);
    document.querySelector('#axis [value=relative]').click();
    result.relative = said('loss', 'first', 1).at;
    document.querySelector('#axis [value=time]').click();
    result.time = said('loss', 'first', 1).at;
    document.querySelector('#axis [value=step]').click();
    document.querySelectorAll('.run')[0].click();
    result.shown = Object.keys(linesOf('loss'));
    document.querySelectorAll('.only')[0].click();
    result.only = Object.keys(linesOf('loss'));
    document.getElementById('show-none').click();
    result.none = Object.keys(linesOf('loss'));
    document.getElementById('show-all').click();
    result.all = Object.keys(linesOf('loss'));
    change('filter', 'ACC');
    result.filtered = textOf('.chart:not([hidden]) h3');
    change('filter', '');
    const corners = linesOf('loss').first;
    pointer('pointerdown', 'loss', corners[1][0] - 5);
    pointer('pointermove', 'loss', corners[2][0]);
    pointer('pointerup', 'loss', corners[2][0] + 5);
    const zoomed = linesOf('loss').first;
    result.zoomed = zoomed[1][0] < corners[1][0] && zoomed[2][0] > corners[2][0];
    document.getElementById('reset-zoom').click();
    result.reset = String(linesOf('loss').first) === String(corners);
    const sort = () => {
      document.querySelectorAll('#results thead tr:last-child button')[5].click();
      return textOf('#results tbody th');
    };
    result.sorted = [sort(), sort()];
  )js");
  EXPECT_EQ(result["settings"], json({"lr", "0.1", "0.2"}));
  EXPECT_EQ(result["allSettings"], json({"lr", "0.1", "0.2", "layers", "12", "12"}));
  EXPECT_EQ(result["differing"], json::array({"lr"}));
  const auto y = [&result](int i) { return result["log"]["first"][i][1].get<double>(); };
  for (int i = 1; i < 4; ++i) EXPECT_NEAR(y(i - 1) - y(i), (y(0) - y(3)) / 3, 0.2);
  EXPECT_EQ(result["log"]["second"].size(), 3u);
  EXPECT_EQ(result["remark"], json({"", "without values of 0 and below"}));
  EXPECT_EQ(result["smooth"], json({"400", "7"}));
  EXPECT_EQ(result["raw"], 2);
  EXPECT_EQ(result["relative"], "After 20 s");
  EXPECT_EQ(result["time"], "Jan 1, 1970, 12:17 AM");
  EXPECT_EQ(result["shown"], json::array({"second"}));
  EXPECT_EQ(result["only"], json::array({"first"}));
  EXPECT_EQ(result["none"], json::array());
  EXPECT_EQ(result["all"], json({"first", "second"}));
  EXPECT_EQ(result["filtered"], json::array({"accuracy"}));
  EXPECT_EQ(result["zoomed"], true);
  EXPECT_EQ(result["reset"], true);
  EXPECT_EQ(result["sorted"][0], json({"second", "first"}));
  EXPECT_EQ(result["sorted"][1], json({"first", "second"}));
}

TEST_F(PageInABrowser, ShowsASpikeOfALongRun) {
  std::vector<double> values(100000, 1.0);
  values[31234] = 9;
  write_run(folder() + "/first", {{"loss", values}});
  const json result = run(R"js(
    result.top = Math.min(...linesOf('loss').first.map((corner) => corner[1]));
    result.levels = levelsOf('loss');
    result.corners = linesOf('loss').first.length;
  )js");
  const double one =
      result["levels"]["2"].get<double>() -
      (result["levels"]["4"].get<double>() - result["levels"]["2"].get<double>()) / 2;
  const double two = result["levels"]["2"];
  EXPECT_NEAR(result["top"], one + 8 * (two - one), 0.3);
  EXPECT_GT(result["corners"], 300);
}

TEST_F(PageInABrowser, TakesNoNameForHtml) {
  const std::string evil = "<img src=x onerror=\"window.hacked=1\">";
  write_text(
      folder() + "/" + evil + "/config.json",
      R"({"name": "x", "started_at": 1, "config": {"</script><script>window.hacked=1//": "<b>"}})");
  write_text(folder() + "/" + evil + "/metrics.jsonl",
             R"({"step":1,"time":2,"</script><script>window.hacked=1</script>":1,"__proto__":2})");
  const json result = run(R"js(
    result.hacked = window.hacked === undefined ? 'no' : 'yes';
    result.images = document.querySelectorAll('img, b').length;
    result.names = textOf('.run .name');
    result.charts = textOf('.chart h3').sort();
    result.settings = textOf('#settings tbody td');
  )js");
  EXPECT_EQ(result["hacked"], "no");
  EXPECT_EQ(result["images"], 0);
  EXPECT_EQ(result["names"], json::array({evil}));
  EXPECT_EQ(result["charts"], json({"</script><script>window.hacked=1</script>", "__proto__"}));
  EXPECT_EQ(result["settings"], json::array({"<b>"}));
}

TEST_F(PageInABrowser, FitsWindowsOfAllWidths) {
  for (int i = 0; i < 30; ++i) {
    write_run(absl::StrCat(folder(), "/a run with quite a long name, number ", i),
              {{"loss", {1e300, -1e300}},
               {"a/metric/with/a/name/that/is/longer/than/its/chart/is/wide/by/far", {1, 1}}},
              absl::StrCat(R"({"number": )", i, "}"));
  }
  for (const int width : {500, 900, 1600}) {
    const json result = run(R"js(
      result.over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      result.lines = Object.keys(linesOf('loss')).length;
      result.wrong = [...document.querySelectorAll('path')]
        .filter((path) => /NaN|Infinity/.test(path.getAttribute('d'))).length;
    )js",
                            width);
    EXPECT_LE(result["over"], 0) << width;
    EXPECT_EQ(result["lines"], 30);
    EXPECT_EQ(result["wrong"], 0);
  }
}

TEST_F(PageInABrowser, IsPaintedInBothSchemes) {
  write_run(folder() + "/first", {{"loss", {3, 2, 1}}});
  EXPECT_NE(take_picture("runs_light", {}), take_picture("runs_dark", {.is_dark = true}));
}

}  // namespace
}  // namespace accelerate::runs
