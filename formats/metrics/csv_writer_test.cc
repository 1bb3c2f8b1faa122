#include "formats/metrics/csv_writer.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::metrics {
namespace {

using testing::HasSubstr;

std::string new_file() {
  std::string folder = testing::TempDir() + "/csv.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder + "/metrics.csv";
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(CsvWriter, GivesEachNameAColumn) {
  CsvWriter writer(new_file());
  ASSERT_TRUE(writer.append({.step = 1, .time = 5, .values = {{"loss", 0.5}}}).ok());
  ASSERT_TRUE(writer.append({.step = 2, .time = 6, .values = {{"loss", std::nan("")}}}).ok());
  EXPECT_EQ(bytes_of(writer.path()), "step,time,loss\n1,5,0.5\n2,6,nan\n");
  ASSERT_TRUE(writer.append({.step = 2, .time = 7, .values = {{"b", std::int64_t{3}}}}).ok());
  ASSERT_TRUE(writer.append({.step = 3, .time = 8, .values = {{"b", 1.5}, {"loss", 0.25}}}).ok());
  EXPECT_EQ(bytes_of(writer.path()),
            "step,time,loss,b\n1,5,0.5,\n2,6,nan,\n2,7,,3\n3,8,0.25,1.5\n");
}

TEST(CsvWriter, QuotesWhatWouldEndACell) {
  const std::string path = new_file();
  CsvWriter writer(path);
  const std::string name = "a,\"b\"", text = "two\nlines, and \"quotes\"";
  ASSERT_TRUE(writer.append({.step = 1, .values = {{name, text}}}).ok());
  // Another writer finds the columns, and widens what has line feeds in its cells.
  CsvWriter later(path);
  ASSERT_TRUE(later.append({.step = 2, .values = {{name, 1.0}, {"c", "\r"}}}).ok());
  EXPECT_EQ(bytes_of(path),
            "step,time,\"a,\"\"b\"\"\",c\n1,0,\"two\nlines, and \"\"quotes\"\"\",\n2,0,1,\"\r\"\n");
}

TEST(CsvWriter, HasNoCharacterThatIsCut) {
  CsvWriter writer(new_file());
  const std::string cut = "\xc3";
  for (int step : {1, 2}) ASSERT_TRUE(writer.append({.step = step, .values = {{cut, cut}}}).ok());
  EXPECT_EQ(bytes_of(writer.path()),
            "step,time,\xef\xbf\xbd\n1,0,\xef\xbf\xbd\n2,0,\xef\xbf\xbd\n");
}

TEST(CsvWriter, RewindsToAStep) {
  const std::string path = new_file();
  CsvWriter writer(path);
  EXPECT_TRUE(writer.rewind({.step = 3}).ok());
  for (int step : {1, 2, 3, 4}) {
    ASSERT_TRUE(writer.append({.step = step, .values = {{"note", "a\n9,9"}}}).ok());
  }
  std::ofstream(path, std::ios::app) << "5,0,\"cut";
  CsvWriter later(path);
  ASSERT_TRUE(later.rewind({.step = 2}).ok());
  ASSERT_TRUE(later.append({.step = 3, .values = {{"loss", 0.5}}}).ok());
  EXPECT_EQ(bytes_of(path), "step,time,note,loss\n1,0,\"a\n9,9\",\n2,0,\"a\n9,9\",\n3,0,,0.5\n");
}

TEST(CsvWriter, RewindsWithinAStep) {
  CsvWriter writer(new_file());
  for (int step : {1, 1, 2, 2, 2, 3}) ASSERT_TRUE(writer.append({.step = step}).ok());
  ASSERT_TRUE(writer.rewind({.step = 2, .records = 1}).ok());
  EXPECT_EQ(bytes_of(writer.path()), "step,time\n1,0\n1,0\n2,0\n");
}

TEST(CsvWriter, LeavesAFileOfOthersAlone) {
  const std::string path = new_file();
  std::ofstream(path) << "name,price\nbread,3\n";
  CsvWriter writer(path);
  const absl::Status status = writer.append({.step = 1, .values = {{"loss", 0.5}}});
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("does not begin with the columns `step` and `time`"));
  EXPECT_EQ(bytes_of(path), "name,price\nbread,3\n");
}

}  // namespace
}  // namespace accelerate::metrics
