// Runs that go on from a checkpoint, and those that leave others alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "accelerate/tracking/trackers.h"
#include "accelerate/tracking/trackers_test.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST_F(TrackersTest, GoOnWhereACheckpointWasSaved) {
  State saved;
  {
    auto trackers = begin();
    for (int step = 0; step < 10; ++step) {
      trackers->log({{"loss", step}}, {.step = step});
      if (step == 5) saved = trackers->save();
    }
  }
  for (const bool loads_first : {true, false}) {
    auto trackers = make();
    if (loads_first) trackers->load(saved);
    trackers->init("run", {}, all());
    if (!loads_first) trackers->load(saved);
    for (int step = 6; step < 8; ++step) trackers->log({{"loss", 10 * step}}, {.step = step});
    if (rank_ != 0) continue;
    EXPECT_THAT(series("run", "loss"),
                ElementsAre(Pair(0, 0), Pair(1, 1), Pair(2, 2), Pair(3, 3), Pair(4, 4), Pair(5, 5),
                            Pair(6, 60), Pair(7, 70)));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/run-2"));
    EXPECT_EQ(trackers->save().integer("step"), 7);
  }
}

// An epoch's figures have the step of its last update, at which the checkpoint was saved before.
TEST_F(TrackersTest, KeepTheFiguresOfAnEpochOnceWhereThatGoesOn) {
  State saved;
  const auto end_epoch = [](Trackers& trackers, double loss) {
    trackers.log({{"epoch_loss", loss}}, {.step = 10});
    trackers.log({{"accuracy", loss}}, {.step = 10});
  };
  {
    auto trackers = begin();
    trackers->log({{"loss", 1.0}}, {.step = 9});
    trackers->log({{"loss", 2.0}}, {.step = 10, .mean_over_ranks = true});
    saved = trackers->save();
    end_epoch(*trackers, 3.0);
    trackers->log({{"loss", 4.0}}, {.step = 11});
  }
  const auto lines = [this] {
    return metrics::read_jsonl(folder_ + "/run/metrics.jsonl").value().series;
  };
  // Again and again, and from a checkpoint in between.
  for (int i = 0; i < 3; ++i) {
    auto trackers = make();
    trackers->load(saved);
    trackers->init("run", {}, all());
    if (i == 1) trackers->log({{"epoch_loss", 5.0}}, {.step = 10});
    if (i == 1) saved = trackers->save();
    if (i != 1) end_epoch(*trackers, 5.0);
    trackers->finish();
    if (rank_ != 0) continue;
    EXPECT_EQ(lines().at("loss").size(), 2u);
    EXPECT_EQ(lines().at("epoch_loss").size(), i == 2 ? 2u : 1u);
    EXPECT_EQ(lines().at("epoch_loss")[0].value, 5.0);
    const std::string rows = text_of("run/metrics.csv");
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 1 + (i == 1 ? 3 : 4 + i / 2));
  }
}

// A state of a version that did not count the records.
TEST_F(TrackersTest, KeepAllOfTheStepOfAnOlderCheckpoint) {
  auto trackers = begin();
  trackers->log({{"loss", 1.0}}, {.step = 3});
  const State counted = trackers->save();
  State saved;
  for (const auto& [name, value] : counted.values())
    if (name != "records_of_step") saved.set(name, value);
  trackers->log({{"loss", 2.0}}, {.step = 3});
  trackers->log({{"loss", 3.0}}, {.step = 4});
  for (int i = 0; i < 2; ++i) {
    trackers->load(saved);
    trackers->log({{"loss", 4.0}}, {.step = 3});
    saved = trackers->save();
  }
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(3, 1), Pair(3, 2), Pair(3, 4), Pair(3, 4)));
}

// For a moment the file cannot be opened: nothing may come behind what is to be cut off.
TEST_F(TrackersTest, CutOffWhatIsDoneAgainAsSoonAsTheyCan) {
  State saved;
  {
    auto trackers = begin();
    trackers->log({{"loss", 1.0}});
    saved = trackers->save();
    trackers->log({{"loss", 2.0}});
  }
  auto trackers = make();
  trackers->load(saved);
  trackers->init("run", {}, all());
  if (rank_ != 0) {
    for (const double loss : {3.0, 4.0}) trackers->log({{"loss", loss}});
    return;
  }
  const std::string file = folder_ + "/run/metrics.jsonl";
  std::filesystem::rename(file, folder_ + "/aside");
  std::filesystem::create_directory(file);
  Warnings warnings;
  trackers->log({{"loss", 3.0}});
  EXPECT_EQ(warnings.all.size(), 1u);
  std::filesystem::remove(file);
  std::filesystem::rename(folder_ + "/aside", file);
  trackers->log({{"loss", 4.0}});
  const auto& points = metrics::read_jsonl(file).value().series.at("loss");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].value, 1);
  EXPECT_EQ(points[1].value, 4);
}

// A program that goes on, and is told to stop before it logs again.
TEST_F(TrackersTest, KnowTheirRunWhereTheyHaveNotLoggedYet) {
  State saved;
  {
    auto trackers = begin();
    trackers->log({{"loss", 1.0}}, {.step = 4});
    saved = trackers->save();
    trackers->finish();
    EXPECT_EQ(trackers->save().values().size(), saved.values().size());
    if (rank_ == 0) {
      EXPECT_EQ(trackers->save().integer("step"), 4);
    }
  }
  for (const bool begins : {true, false}) {
    auto trackers = make();
    trackers->load(saved);
    if (begins) trackers->init("run", {}, all());
    State again = trackers->save();
    EXPECT_EQ(c10::str(again), c10::str(saved));
    saved = std::move(again);
    // What the checkpoint of another name knows is no place for this one.
    auto other = make();
    other->load(saved);
    other->init("other", {}, all());
    EXPECT_TRUE(other->save().values().empty());
  }
  auto trackers = make();
  trackers->load(saved);
  trackers->init("run", {}, all());
  trackers->log({{"loss", 2.0}});
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(4, 1), Pair(5, 2)));
}

TEST_F(TrackersTest, GoOnWithTheRunOfTheCheckpointBehindAnotherOne) {
  State saved;
  const auto begin_main = [&](Trackers& trackers) {
    trackers.init("warmup", {}, all());
    trackers.log({{"loss", 9.0}});
    trackers.finish();
    trackers.init("main", {}, all());
  };
  {
    auto trackers = make();
    begin_main(*trackers);
    trackers->log({{"loss", 1.0}});
    saved = trackers->save();
  }
  auto trackers = make();
  trackers->load(saved);
  begin_main(*trackers);
  trackers->log({{"loss", 2.0}});
  trackers->finish();
  trackers->init("main", {}, all());  // A new one.
  trackers->log({{"loss", 3.0}});
  if (rank_ != 0) return;
  EXPECT_THAT(series("main", "loss"), ElementsAre(Pair(0, 1), Pair(1, 2)));
  EXPECT_THAT(series("main-2", "loss"), ElementsAre(Pair(0, 3)));
}

TEST_F(TrackersTest, LeaveARunAloneThatHasTakenTheName) {
  State saved;
  {
    auto trackers = begin();
    trackers->log({{"loss", 1.0}}, {.step = 3});
    saved = trackers->save();
  }
  if (rank_ == 0) std::filesystem::remove_all(folder_ + "/run");
  {
    auto trackers = begin();
    trackers->log({{"loss", 2.0}}, {.step = 9});
  }
  Warnings warnings;
  {
    auto trackers = make();
    trackers->load(saved);
    trackers->init("run", {}, all());
    trackers->log({{"loss", 3.0}});
    saved = trackers->save();
  }
  auto trackers = make();
  trackers->load(saved);
  trackers->init("run", {}, all());
  trackers->log({{"loss", 4.0}});
  if (rank_ != 0) return;
  EXPECT_THAT(warnings.all, ElementsAre(HasSubstr("the run continues in " + folder_ + "/run-2")));
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(9, 2)));
  EXPECT_THAT(series("run-2", "loss"), ElementsAre(Pair(4, 3), Pair(5, 4)));
}

TEST_F(TrackersTest, RefuseACheckpointThatLeadsOutOfTheFolder) {
  if (rank_ != 0) return;
  auto trackers = begin();
  trackers->log({{"loss", 1.0}});
  State saved = trackers->save();
  saved.set("run_name", std::string("../../x"));
  for (const auto use : {&Trackers::load, &Trackers::check})
    EXPECT_THAT(message_of([&] { (*make().*use)(saved); }),
                HasSubstr("\"../../x\" cannot be the name of a run"));
}

TEST_F(TrackersTest, GoBackWithinARun) {
  auto trackers = begin();
  trackers->log({{"loss", 1.0}}, {.step = 1});
  const State saved = trackers->save();
  trackers->log({{"loss", 2.0}}, {.step = 2});
  trackers->load(saved);
  trackers->log({{"loss", 3.0}});
  trackers->load(State());  // Of a checkpoint that knows of no trackers.
  trackers->log({{"loss", 4.0}});
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(1, 1), Pair(2, 3), Pair(3, 4)));
}

TEST_F(TrackersTest, BeginANewRunBesideOneOfTheSameName) {
  for (const char* expected : {"run", "run-2"}) {
    auto trackers = begin();
    trackers->log({{"loss", 1.0}});
    EXPECT_EQ(trackers->run().name, rank_ == 0 ? expected : "");
    world_->barrier();
  }
  if (rank_ != 0) return;
  EXPECT_THAT(series("run", "loss"), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(series("run-2", "loss"), ElementsAre(Pair(0, 1)));
}

TEST_F(TrackersTest, LeaveTheRunAloneWhoseCheckpointAnotherOneBeginsWith) {
  State saved;
  {
    auto trackers = begin("pretraining");
    trackers->log({{"loss", 1.0}}, {.step = 1});
    saved = trackers->save();
    trackers->log({{"loss", 2.0}}, {.step = 2});
  }
  auto trackers = begin("tuning");
  trackers->load(saved);
  trackers->log({{"loss", 3.0}}, {.step = 0});
  if (rank_ != 0) return;
  EXPECT_THAT(series("pretraining", "loss"), ElementsAre(Pair(1, 1), Pair(2, 2)));
  EXPECT_THAT(series("tuning", "loss"), ElementsAre(Pair(0, 3)));
}

}  // namespace
}  // namespace accelerate
