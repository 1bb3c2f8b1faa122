#include "formats/tensorboard/scalar_reader.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/tensorboard/event_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace accelerate::tensorboard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string new_folder() {
  std::string folder = testing::TempDir() + "/scalars.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The path of an event file with three values of `loss`.
std::string written(const std::string& folder) {
  EventWriter writer(folder);
  for (int step = 0; step < 3; ++step) {
    EXPECT_TRUE(writer.add({.step = step, .values = {{"loss", step * 1.5}}}).ok());
  }
  return writer.path();
}

TEST(ScalarReader, ReadsWhatTensorBoardReads) {
  const auto run = read_scalars("formats/tensorboard/testdata/run");
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->remarks, IsEmpty());
  std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>> expected, found;
  const auto recorded =
      nlohmann::json::parse(bytes_of("formats/tensorboard/testdata/scalars.json"));
  for (const auto& [tag, points] : recorded.items()) {
    for (const auto& point : points) {
      const double value = std::strtod(point.at(1).get<std::string>().c_str(), nullptr);
      expected[tag].emplace_back(point.at(0).get<std::int64_t>(), absl::StrCat(value));
    }
  }
  for (const auto& [tag, points] : run->series) {
    for (const auto& point : points) {
      found[tag].emplace_back(point.step, absl::StrCat(point.value));
      EXPECT_GE(point.time, 1764460000.5);
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(ScalarReader, ReadsUpToWhereAFileIsCutOff) {
  const std::string folder = new_folder();
  const std::string path = written(folder);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  const auto run = read_scalars(folder);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->series.at("loss").size(), 2u);
  EXPECT_THAT(run->remarks, ElementsAre(HasSubstr("is cut off")));
}

TEST(ScalarReader, LeavesOutADamagedRecord) {
  const std::string folder = new_folder();
  const std::string path = written(folder);
  std::string bytes = bytes_of(path);
  bytes[bytes.find("loss") + 1] = 'x';
  std::ofstream(path, std::ios::binary) << bytes;
  const auto run = read_scalars(folder);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->series.size(), 1u);
  EXPECT_EQ(run->series.at("loss").size(), 2u);
  EXPECT_THAT(run->remarks, ElementsAre(HasSubstr("has 1 damaged records")));
}

TEST(ScalarReader, StopsWhereTheSizeOfARecordIsDamaged) {
  const std::string folder = new_folder();
  std::string bytes = bytes_of(written(folder));
  bytes[1] ^= 1;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/events.out.tfevents.1.host", std::ios::binary) << bytes;
  const auto run = read_scalars(folder);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->series, IsEmpty());
  EXPECT_THAT(run->remarks, ElementsAre(HasSubstr("is damaged")));
}

TEST(ScalarReader, SaysWhereThereIsNothingToRead) {
  const std::string folder = new_folder();
  EXPECT_THAT(std::string(read_scalars(folder).status().message()),
              HasSubstr("has no event files of TensorBoard"));
  EXPECT_TRUE(absl::IsNotFound(read_scalars(folder + "/nowhere").status()));
  std::ofstream(folder + "/file") << "text";
  EXPECT_FALSE(read_scalars(folder + "/file").ok());
  std::ofstream(folder + "/events.out.tfevents.1.host");
  const auto run = read_scalars(folder);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->series, IsEmpty());
  EXPECT_THAT(run->remarks, IsEmpty());
}

}  // namespace
}  // namespace accelerate::tensorboard
