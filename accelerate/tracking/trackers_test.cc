#include "accelerate/tracking/trackers.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "accelerate/tracking/tensorboard_tracker.h"
#include "accelerate/tracking/trackers_test.h"
#include "formats/metrics/run_folder.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// A class of a program's own.
class NotingTracker final : public Tracker {
 public:
  explicit NotingTracker(std::vector<std::string>* notes) : notes_(*notes) {}

  std::string_view name() const override { return "noting"; }
  void start(const TrackedRun& run) override { note("start", run.name, run.folder); }
  void rewind(const metrics::LogPosition& end) override { note("rewind", end.step, end.records); }
  void log(const metrics::Record& record) override {
    note("log", record.step, record.values.empty() ? "" : record.values[0].first);
  }
  bool log_image(const std::string& name, int64_t step, const LoggedImage& image) override {
    note("image", step, c10::str(name, " ", image.width, "x", image.height, "x", image.channels));
    pixels_ = std::string(image.pixels);
    return true;
  }
  void flush() override { note("flush", "", ""); }
  void finish() override { note("finish", "", ""); }

  std::string pixels_;

 private:
  template <class A, class B>
  void note(const char* what, const A& a, const B& b) {
    notes_.push_back(c10::str(what, " ", a, " ", b));
  }
  std::vector<std::string>& notes_;
};

TEST_F(TrackersTest, KeepWhatTheMainProcessLogs) {
  auto trackers = begin();
  trackers->log({{"loss", 0.5}, {"tokens", 4096 + rank_}, {"note", "warm"}}, {.step = 3});
  trackers->log({{"loss", at::full({}, 0.25)}, {"count", at::full({1, 1}, 7, at::kLong)}});
  trackers->finish();
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(3, 0.5), Pair(4, 0.25)));
  EXPECT_THAT(series("run", "tokens"), ElementsAre(Pair(3, 4096)));
  EXPECT_THAT(text_of("run/metrics.jsonl"), HasSubstr("\"count\":7}"));
  EXPECT_THAT(text_of("run/metrics.csv"), HasSubstr("step,time,loss,tokens,note,count\n3,"));
  const auto config = metrics::read_run_config(folder_ + "/run/config.json").value();
  EXPECT_EQ(config.values.dump(), R"({"lr":0.1,"layers":12,"name":"adam","flag":true})");
}

TEST_F(TrackersTest, KeepNumbersThatHaveNoSignedOne) {
  constexpr uint64_t kLarge = std::numeric_limits<uint64_t>::max() - 4;
  auto trackers = make();
  trackers->init("run", {{"seed", kLarge}, {"small", uint64_t{7}}}, all());
  trackers->log({{"count", kLarge}, {"small", uint64_t{7}}}, {.step = 0});
  trackers->finish();
  if (rank_ != 0) return;
  // Every digit of a setting; of a value what a double has.
  const auto config = metrics::read_run_config(folder_ + "/run/config.json").value();
  EXPECT_EQ(config.values.dump(), R"({"seed":"18446744073709551611","small":7})");
  EXPECT_THAT(series("run", "count"), ElementsAre(Pair(0, std::ldexp(1.0, 64))));
  EXPECT_THAT(text_of("run/metrics.jsonl"), HasSubstr("\"small\":7}"));
}

TEST_F(TrackersTest, AverageOverTheRanksOnRequest) {
  auto trackers = begin();
  trackers->log({{"number", rank_}, {"tensor", at::full({1}, 2.0 * rank_, at::kFloat)}},
                {.step = 0, .mean_over_ranks = true});
  // More than fit into the smallest exchange.
  LogValues many;
  for (int i = 0; i < 100; ++i) many.emplace_back(c10::str("v", i), rank_ + i);
  trackers->log(many, {.mean_over_ranks = true});
  trackers->finish();
  if (rank_ != 0) return;
  const double mean = (size_ - 1) / 2.0;
  EXPECT_THAT(series("run", "number"), ElementsAre(Pair(0, mean)));
  EXPECT_THAT(series("run", "tensor"), ElementsAre(Pair(0, 2 * mean)));
  EXPECT_THAT(series("run", "v99"), ElementsAre(Pair(1, 99 + mean)));
}

TEST_F(TrackersTest, SayOnAllRanksWhereTheseLogDifferentNames) {
  auto trackers = begin();
  const LogOptions mean = {.mean_over_ranks = true};
  const std::string name = c10::str("loss", rank_);
  EXPECT_THAT(message_of([&] {
                trackers->log({{name, 1.0}}, mean);
              }),
              HasSubstr("the ranks log different values (rank 0: loss0; rank 1: loss1"));
  // The next one is fine again.
  trackers->log({{"loss", 1.0}}, mean);
  // Also where one rank has more than have room in the first exchange.
  LogValues some;
  for (int i = 0; i < 60 + rank_; ++i) some.emplace_back(c10::str("v", i), 1.0);
  EXPECT_THAT(message_of([&] { trackers->log(some, mean); }),
              HasSubstr("the ranks log different values"));
  trackers->log({{"loss", 3.0}}, mean);
  if (rank_ == 0) {
    EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(0, 1), Pair(1, 3)));
  }
  EXPECT_THAT(message_of([&] {
                trackers->log({{"note", "text"}}, mean);
              }),
              HasSubstr("`note` is a text"));
}

// Which only the main process knows.
TEST_F(TrackersTest, RefuseAMeanAtAnEarlierStepOnAllRanks) {
  auto trackers = begin();
  if (rank_ == 0) trackers->log({{"loss", 1.0}}, {.step = 10});
  for (const int64_t step : {9, -1}) {
    const LogOptions early = {.step = step, .mean_over_ranks = true};
    EXPECT_THAT(message_of([&] {
                  trackers->log({{"loss", 2.0}}, early);
                }),
                HasSubstr("the steps of a run never go back"));
  }
  trackers->log({{"loss", 3.0}}, {.step = 11, .mean_over_ranks = true});
  trackers->finish();
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(10, 1), Pair(11, 3)));
}

TEST_F(TrackersTest, RefuseTheMeanOfATextOnOneProcessToo) {
  Communicator alone = world_->split(rank_);
  Trackers trackers(alone, process_);
  trackers.init("run", {}, all());
  EXPECT_THAT(message_of([&] {
                trackers.log({{"note", "text"}}, {.mean_over_ranks = true});
              }),
              HasSubstr("`note` is a text"));
}

TEST_F(TrackersTest, EndTheRunUnlessAnExceptionDoes) {
  std::vector<std::string> notes;
  auto own = std::make_shared<NotingTracker>(&notes);
  const auto run = [&](bool throws) {
    notes.clear();
    auto trackers = make();
    trackers->init("run", {}, {.folder = "", .trackers = {own}});
    trackers->log({{"loss", 1.0}}, {.step = 1});
    TORCH_CHECK(!throws, "the program fails");
  };
  run(false);
  if (rank_ == 0) {
    EXPECT_THAT(notes, ElementsAre("start run ", "log 1 loss", "flush  ", "finish  "));
  }
  EXPECT_THAT(message_of([&] { run(true); }), HasSubstr("the program fails"));
  if (rank_ == 0) {
    EXPECT_THAT(notes, ElementsAre("start run ", "log 1 loss"));
  }
}

TEST_F(TrackersTest, WriteSettingsThatAreNoNumbersOfJson) {
  auto trackers = make();
  const double infinity = std::numeric_limits<double>::infinity();
  trackers->init("run", {{"limit", infinity}, {"none", std::nan("")}}, all());
  trackers->finish();
  if (rank_ != 0) return;
  const auto config = metrics::read_run_config(folder_ + "/run/config.json").value();
  EXPECT_EQ(config.values.dump(), R"({"limit":"inf","none":"nan"})");
  // As texts, the third kind of value that there is.
  EXPECT_THAT(events_of("run"), AllOf(HasSubstr("\x1a\x03inf"), HasSubstr("\x1a\x03nan")));
}

TEST_F(TrackersTest, StandTheLastStepThatThereIs) {
  auto trackers = begin();
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  trackers->log({{"loss", 1.0}}, {.step = kLast});
  trackers->log({{"loss", 2.0}});
  trackers->load(trackers->save());
  trackers->log({{"loss", 3.0}});
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(kLast, 1), Pair(kLast, 2), Pair(kLast, 3)));
}

TEST_F(TrackersTest, GoOnWhereTheFolderVanishes) {
  auto trackers = begin();
  trackers->log({{"loss", 1.0}});
  if (rank_ == 0) std::filesystem::remove_all(folder_ + "/run");
  trackers->log({{"loss", 2.0}});
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(1, 2)));

  // And where there is something in its place for a while: a sentence for each file.
  std::filesystem::remove_all(folder_ + "/run");
  std::ofstream(folder_ + "/run") << "a file";
  Warnings warnings;
  {
    for (int i = 0; i < 3; ++i) trackers->log({{"loss", 3.0}});
  }
  EXPECT_EQ(warnings.all.size(), 3u);
  for (const std::string& warning : warnings.all)
    EXPECT_THAT(warning, HasSubstr("cannot be written"));
  std::filesystem::remove_all(folder_ + "/run");
  trackers->log({{"loss", 4.0}});
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(5, 4)));
  // What fails again is told again.
  std::filesystem::remove_all(folder_ + "/run");
  std::ofstream(folder_ + "/run") << "a file";
  {
    for (int i = 0; i < 3; ++i) trackers->log({{"loss", 5.0}});
  }
  EXPECT_EQ(warnings.all.size(), 6u);
  std::filesystem::remove_all(folder_ + "/run");
}

TEST_F(TrackersTest, FeedAClassOfTheProgramsOwn) {
  std::vector<std::string> notes;
  auto own = std::make_shared<NotingTracker>(&notes);
  auto trackers = make();
  trackers->init("run", {}, {.folder = "", .trackers = {own}});
  trackers->log({{"loss", 1.0}}, {.step = 4});
  const at::Tensor images = at::tensor({0.0, 0.5, 1.0, 2.0}).view({1, 1, 2, 2});
  trackers->log_images("digit", images, {.step = 4});
  trackers->log_images("digits", at::zeros({2, 3, 1, 5}, at::kByte), {.step = 5});
  const State saved = trackers->save();
  trackers->load(saved);
  EXPECT_EQ(trackers->find("noting"), rank_ == 0 ? own.get() : nullptr);
  trackers->finish();
  if (rank_ != 0) {
    EXPECT_TRUE(notes.empty());
    return;
  }
  EXPECT_THAT(notes, ElementsAre("start run ", "log 4 loss", "image 4 digit 2x2x1",
                                 "image 5 digits/0 5x1x3", "image 5 digits/1 5x1x3", "flush  ",
                                 "finish  ", "start run ", "rewind 5 0", "flush  ", "finish  "));
  trackers->init("run", {}, {.folder = "", .trackers = {own}});
  trackers->log_images("digit", images, {});
  EXPECT_EQ(own->pixels_, std::string("\x00\x7f\xff\xff", 4));
}

TEST_F(TrackersTest, KeepImagesAndHistogramsForTensorBoard) {
  auto trackers = begin();
  trackers->log_images("face", at::rand({3, 4, 6}), {.step = 1});
  trackers->log_histogram("weights", at::randn({10, 10}), {.step = 1});
  auto* board = dynamic_cast<TensorBoardTracker*>(trackers->find("tensorboard"));
  if (board != nullptr) board->log_layout({{"losses", {{"both", {"a", "b"}}}}});
  if (rank_ != 0) return;
  const std::string all = events_of("run");
  EXPECT_THAT(all, HasSubstr("face"));
  EXPECT_THAT(all, HasSubstr("IHDR"));
  EXPECT_THAT(all, HasSubstr("weights"));
  EXPECT_THAT(all, HasSubstr("custom_scalars__config__"));

  auto lines = make();
  lines->init("lines", {}, {.folder = folder_, .trackers = {"jsonl"}});
  Warnings warnings;
  for (int i = 0; i < 2; ++i) {
    lines->log_histogram("weights", at::randn({2}), {});
    lines->log_images("face", at::rand({3, 4, 6}), {});
  }
  EXPECT_THAT(warnings.all, ElementsAre(HasSubstr("none of the trackers keeps histograms"),
                                        HasSubstr("none of the trackers keeps images")));
}

TEST_F(TrackersTest, RefuseMisuseWithARemedy) {
  auto trackers = make();
  EXPECT_THAT(message_of([&] {
                trackers->log({{"loss", 1.0}});
              }),
              HasSubstr("call init_trackers() first"));
  EXPECT_THAT(message_of([&] { trackers->init("run", {}, {.trackers = {"tensorbord"}}); }),
              HasSubstr("there is no tracker `tensorbord`"));
  EXPECT_THAT(message_of([&] { trackers->init("run", {}, {.folder = ""}); }),
              HasSubstr("needs a folder"));
  EXPECT_THAT(message_of([&] {
                trackers->init("run", {}, {.trackers = {"csv", "csv"}});
              }),
              HasSubstr("two trackers called `csv`"));
  for (const std::string& name : {std::string("exp/first"), std::string(256, 'a')})
    EXPECT_THAT(message_of([&] { trackers->init(name, {}, all()); }),
                HasSubstr("cannot be the name of a run"));
  trackers->init("run", {}, all());
  EXPECT_THAT(message_of([&] { trackers->init("again", {}, all()); }),
              HasSubstr("call end_training() before"));
  EXPECT_THAT(message_of([&] { trackers->find("wandb"); }),
              HasSubstr("(tensorboard, jsonl, csv); name one of them"));
  if (rank_ != 0) return;
  const auto message = [&](const LogValues& values) {
    return message_of([&] { trackers->log(values, {.step = 5}); });
  };
  EXPECT_THAT(message({{"", 1.0}}), HasSubstr("a value has no name"));
  EXPECT_THAT(message({{"step", 1.0}}), HasSubstr("give it another name"));
  EXPECT_THAT(message({{"a", 1.0}, {"a", 2.0}}), HasSubstr("two values with the name `a`"));
  EXPECT_THAT(message({{"a", at::ones({3})}}), HasSubstr("`a` has 3 values"));
  EXPECT_THAT(message({{"a", at::Tensor()}}), HasSubstr("`a` has 0 values"));
  EXPECT_EQ(message({{"a", 1.0}}), "no error");
  EXPECT_THAT(message_of([&] {
                trackers->log({{"a", 1.0}}, {.step = 4});
              }),
              HasSubstr("step 4 comes after step 5"));
  EXPECT_THAT(message_of([&] {
                trackers->log_images("a", at::ones({2, 2}), {});
              }),
              HasSubstr("images are C×H×W"));
  std::ofstream(folder_ + "/file") << "text";
  EXPECT_THAT(message_of([&] { make()->init("run", {}, {.folder = folder_ + "/file"}); }),
              HasSubstr("cannot be written to"));
}

}  // namespace
}  // namespace accelerate
