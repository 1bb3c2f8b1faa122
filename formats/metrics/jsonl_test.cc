#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "formats/metrics/jsonl_reader.h"
#include "formats/metrics/jsonl_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::metrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string new_file() {
  std::string folder = testing::TempDir() + "/jsonl.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder + "/metrics.jsonl";
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Jsonl, WritesALineForEachRecord) {
  JsonlWriter writer(new_file());
  const double infinity = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(writer
                  .append({.step = 12,
                           .time = 1764460000.1234,
                           .values = {{"loss", 0.1},
                                      {"nan", std::nan("")},
                                      {"inf", infinity},
                                      {"-inf", -infinity},
                                      {"tokens", std::int64_t{9007199254740993}},
                                      {"a \"quoted\"\nname", 1e-300},
                                      {"note", "sch\u00f6n\n\xff"}}})
                  .ok());
  ASSERT_TRUE(writer.append({.step = 13, .time = 1764460001}).ok());
  EXPECT_EQ(bytes_of(writer.path()),
            "{\"step\":12,\"time\":1764460000.123,\"loss\":0.1,\"nan\":\"nan\",\"inf\":\"inf\","
            "\"-inf\":\"-inf\",\"tokens\":9007199254740993,\"a \\\"quoted\\\"\\nname\":1e-300,"
            "\"note\":\"sch\u00f6n\\n\ufffd\"}\n"
            "{\"step\":13,\"time\":1764460001}\n");
}

TEST(Jsonl, ReadsWhatItWrote) {
  JsonlWriter writer(new_file());
  for (int step = 0; step < 100; ++step) {
    const Record record = {.step = step,
                           .time = 1764460000 + step * 0.5,
                           .values = {{"loss", 1.0 / (step + 3)}, {"note", "warm"}}};
    ASSERT_TRUE(writer.append(record).ok());
  }
  ASSERT_TRUE(writer.append({.step = 100, .values = {{"loss", std::nan("")}}}).ok());
  const auto run = read_jsonl(writer.path());
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->remarks, IsEmpty());
  ASSERT_EQ(run->series.size(), 1u);
  const auto& loss = run->series.at("loss");
  ASSERT_EQ(loss.size(), 101u);
  EXPECT_EQ(loss[7].step, 7);
  EXPECT_EQ(loss[7].time, 1764460003.5);
  EXPECT_EQ(loss[7].value, 1.0 / 10);
  EXPECT_TRUE(std::isnan(loss[100].value));
}

TEST(Jsonl, LeavesOutWhatIsNoLineOfValues) {
  const std::string path = new_file();
  std::ofstream(path) << "{\"step\":1,\"time\":5,\"loss\":1,\"more\":{\"deep\":[1,{\"loss\":2}]},"
                         "\"list\":[3],\"no\":null,\"yes\":true,\"inf\":\"-inf\"}\n"
                         "\n"
                         "nonsense\n"
                         "{\"loss\":3}\n"
                         "[1]\n"
                         "{\"step\":18446744073709551615,\"loss\":4}\n"
                         "{\"step\":2,\"loss\":5}\r\n"
                         "{\"step\":3,\"loss\":6";
  const auto run = read_jsonl(path);
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_EQ(run->series.size(), 2u);
  ASSERT_EQ(run->series.at("loss").size(), 2u);
  EXPECT_EQ(run->series.at("loss")[0].value, 1);
  EXPECT_EQ(run->series.at("loss")[1].value, 5);
  EXPECT_TRUE(std::isinf(run->series.at("inf")[0].value));
  EXPECT_THAT(run->remarks, ElementsAre(HasSubstr("the last line is cut off"),
                                        HasSubstr("metrics.jsonl:3 is not a JSON object with a "
                                                  "step, and neither are 3 lines after it")));
}

TEST(Jsonl, EndsNoProgramByWhatNests) {
  const std::string path = new_file();
  std::ofstream(path) << "{\"step\":1,\"a\":" << std::string(1'000'000, '[') << "\n"
                      << "{\"step\":2,\"loss\":1}\n";
  const auto run = read_jsonl(path);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->series.at("loss").size(), 1u);
}

TEST(Jsonl, SaysWhatCannotBeRead) {
  const std::string path = new_file();
  EXPECT_TRUE(absl::IsNotFound(read_jsonl(path).status()));
  EXPECT_THAT(std::string(read_jsonl(path).status().message()), HasSubstr(path));
  std::filesystem::create_directory(path);
  EXPECT_TRUE(absl::IsInvalidArgument(read_jsonl(path).status()));
}

TEST(Jsonl, RewindsToAStep) {
  const std::string path = new_file();
  JsonlWriter writer(path);
  EXPECT_TRUE(writer.rewind({.step = 3}).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  for (int step : {1, 2, 3, 3, 4, 5}) {
    ASSERT_TRUE(writer.append({.step = step, .values = {{"loss", 1.0}}}).ok());
  }
  // As a process leaves it that has lost its power.
  std::ofstream(path, std::ios::app) << "{\"step\":6,\"ti";
  JsonlWriter later(path);
  ASSERT_TRUE(later.rewind({.step = 5}).ok());
  EXPECT_EQ(bytes_of(path).back(), '\n');
  ASSERT_TRUE(later.rewind({.step = 3}).ok());
  ASSERT_TRUE(later.append({.step = 4, .values = {{"loss", 7.0}}}).ok());
  const auto run = read_jsonl(path);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->remarks, IsEmpty());
  ASSERT_EQ(run->series.at("loss").size(), 5u);
  EXPECT_EQ(run->series.at("loss")[3].step, 3);
  EXPECT_EQ(run->series.at("loss")[4].value, 7);
}

TEST(Jsonl, RewindsWithinAStep) {
  JsonlWriter writer(new_file());
  for (int step : {1, 1, 2, 2, 2, 3}) ASSERT_TRUE(writer.append({.step = step}).ok());
  const std::string before = "{\"step\":1,\"time\":0}\n{\"step\":1,\"time\":0}\n",
                    one = "{\"step\":2,\"time\":0}\n";
  // More than there are.
  ASSERT_TRUE(writer.rewind({.step = 2, .records = 4}).ok());
  EXPECT_EQ(bytes_of(writer.path()), before + one + one + one);
  ASSERT_TRUE(writer.rewind({.step = 2, .records = 1}).ok());
  EXPECT_EQ(bytes_of(writer.path()), before + one);
  ASSERT_TRUE(writer.rewind({.step = 2, .records = 0}).ok());
  EXPECT_EQ(bytes_of(writer.path()), before);
}

}  // namespace
}  // namespace accelerate::metrics
