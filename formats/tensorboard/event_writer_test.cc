#include "formats/tensorboard/event_writer.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "formats/tensorboard/event_file_name.h"
#include "formats/tensorboard/records.h"
#include "formats/tensorboard/scalar_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::tensorboard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRecorded[] =
    "formats/tensorboard/testdata/run/events.out.tfevents.1764460000.host.1.0";
constexpr double kBegin = 1764460000.5;
// How many bytes of an event say when it was.
constexpr std::size_t kTimeSize = 9;

std::string new_folder() {
  std::string folder = testing::TempDir() + "/board.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::vector<std::string> events_of(const std::string& path) {
  std::vector<std::string> events;
  absl::StatusOr<RecordReader> reader = RecordReader::open(path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  while (reader.ok() && reader->next() == RecordReader::Outcome::kRecord) {
    events.push_back(reader->data());
  }
  return events;
}

TEST(EventWriter, WritesWhatPyTorchWrites) {
  EventWriter writer(new_folder());
  const auto add = [&writer](const std::string& tag, std::int64_t step, double time, double value) {
    EXPECT_TRUE(writer.add({.step = step, .time = time, .values = {{tag, value}}}).ok());
  };
  for (int step = 0; step < 5; ++step) add("loss", step, kBegin + step, 1.0 / (step + 1));
  add("odd/nan", 1, kBegin, std::numeric_limits<double>::quiet_NaN());
  add("odd/inf", 2, kBegin, -std::numeric_limits<double>::infinity());
  add("odd/step", std::int64_t{1} << 40, kBegin, 1.5);
  const metrics::Record note = {
      .step = 3, .time = kBegin, .values = {{"note", "sch\u00f6n **bold**"}}};
  EXPECT_TRUE(writer.add(note).ok());
  std::vector<double> weights;
  for (int i = -50; i <= 50; ++i) weights.push_back(i / 4.0);
  EXPECT_TRUE(writer.add_histogram({"weights", 4, kBegin}, weights).ok());
  EXPECT_TRUE(writer.add_histogram({"zeros", 0, kBegin}, std::vector<double>(3)).ok());
  EXPECT_TRUE(writer.add_layout({{"losses", {{"both", {"loss", "eval/.*"}}}}}).ok());

  const std::vector<std::string> recorded = events_of(kRecorded),
                                 written = events_of(writer.path());
  ASSERT_GT(recorded.size(), written.size());
  ASSERT_EQ(written.size(), 13u);
  EXPECT_THAT(written[0], HasSubstr("brain.Event:2"));
  for (std::size_t i = 1; i < written.size(); ++i) {
    // A layout is of the time when it was made.
    const std::size_t from = i + 1 == written.size() ? kTimeSize : 0;
    EXPECT_EQ(written[i].substr(from), recorded[i].substr(from)) << "event " << i;
  }
}

TEST(EventWriter, BeginsAResumedRunAsPyTorchDoes) {
  EventWriter writer(new_folder());
  ASSERT_TRUE(writer.begin_at(3).ok());
  const std::vector<std::string> recorded =
      events_of("formats/tensorboard/testdata/run/events.out.tfevents.1764460010.host.1.1");
  const std::vector<std::string> written = events_of(writer.path());
  ASSERT_EQ(written.size(), 2u);
  // Theirs says its version twice.
  EXPECT_EQ(written[1].substr(kTimeSize), recorded[2].substr(kTimeSize));
}

TEST(EventWriter, PutsTheValuesOfACallIntoOneEvent) {
  const std::string folder = new_folder();
  EventWriter writer(folder);
  ASSERT_TRUE(writer
                  .add({.step = 2,
                        .time = 5,
                        .values = {{"loss", 0.5}, {"tokens", std::int64_t{7}}, {"note", "warm"}}})
                  .ok());
  EXPECT_EQ(events_of(writer.path()).size(), 2u);
  const auto run = read_scalars(folder);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->series.size(), 2u);
  EXPECT_EQ(run->series.at("loss").at(0).value, 0.5);
  EXPECT_EQ(run->series.at("tokens").at(0).value, 7);
  EXPECT_EQ(run->series.at("tokens").at(0).step, 2);
  EXPECT_EQ(run->series.at("tokens").at(0).time, 5);
}

TEST(EventWriter, BeginsALaterFileWhateverTheClockSays) {
  const std::string folder = new_folder();
  const std::string first = new_event_file(folder, 2e9);
  std::ofstream file(first);
  const std::string second = new_event_file(folder, 1e9);
  EXPECT_LT(first, second);
  std::ofstream other(second);
  const auto files = find_event_files(folder);
  ASSERT_TRUE(files.ok());
  EXPECT_THAT(*files, ElementsAre(first, second));
  // A name of others has a number that no clock shows.
  std::ofstream(folder + "/events.out.tfevents." + std::string(30, '9') + ".host");
  EXPECT_THAT(new_event_file(folder, 1e9), HasSubstr("/events.out.tfevents.1000000000."));
}

TEST(EventWriter, ReplacesWhatIsNoUtf8) {
  EventWriter writer(new_folder());
  const std::string odd = "a\xff", shown = "a\ufffd";
  ASSERT_TRUE(writer.begin_session({{odd, odd}}, odd).ok());
  ASSERT_TRUE(writer.add({.step = 1, .values = {{odd, 1.0}, {"b\xff", odd}}}).ok());
  ASSERT_TRUE(writer.add_histogram({odd, 1, 0}, std::vector<double>(3)).ok());
  ASSERT_TRUE(writer.add_image({odd, 1, 0}, {1, 1, 1, "x"}).ok());
  ASSERT_TRUE(writer.add_layout({{odd, {{odd, {odd}}}}}).ok());
  const std::vector<std::string> events = events_of(writer.path());
  ASSERT_EQ(events.size(), 6u);
  for (std::size_t i = 1; i < events.size(); ++i) {
    EXPECT_THAT(events[i], HasSubstr(shown)) << i;
    EXPECT_THAT(events[i], testing::Not(HasSubstr(odd))) << i;
  }
}

TEST(EventWriter, MakesAFileThatWasRemovedAnew) {
  const std::string folder = new_folder() + "/run";
  EventWriter writer(folder);
  ASSERT_TRUE(writer.add({.step = 1, .values = {{"loss", 1.0}}}).ok());
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(writer.add({.step = 2, .values = {{"loss", 2.0}}}).ok());
  const std::vector<std::string> events = events_of(writer.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_THAT(events[0], HasSubstr("brain.Event:2"));
}

TEST(EventWriter, RefusesAnImageWhoseSizesDoNotFit) {
  EventWriter writer(new_folder());
  const auto status =
      writer.add_image({"face", 1, 0}, {.width = 2, .height = 2, .channels = 3, .pixels = "abc"});
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("`face` is not an image of 2 by 2 pixels"));
}

}  // namespace
}  // namespace accelerate::tensorboard
