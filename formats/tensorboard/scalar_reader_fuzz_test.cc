// Event files of strangers: mutations of good ones, by chance but by a seed, both of the bytes of a
// file and of events whose checksums are right again, are read without harm.
//
//   bazel test //formats/tensorboard:tensorboard_test                               the usual cases
//   TENSORBOARD_FUZZ_CASES=5000000 bazel-bin/formats/tensorboard/tensorboard_test
//
// A failure names its case: TENSORBOARD_FUZZ_FIRST=123 TENSORBOARD_FUZZ_CASES=1 runs it alone.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "formats/tensorboard/records.h"
#include "formats/tensorboard/scalar_reader.h"
#include "gtest/gtest.h"

namespace accelerate::tensorboard {
namespace {

constexpr char kRecorded[] =
    "formats/tensorboard/testdata/run/events.out.tfevents.1764460000.host.1.0";

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

std::size_t below(std::mt19937_64& random, std::size_t bound) {
  return bound == 0 ? 0 : random() % bound;
}

void mutate(std::string& bytes, std::mt19937_64& random) {
  const std::size_t at = below(random, bytes.size() + 1);
  switch (random() % 5) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes.erase(at, 1 + random() % 8);
      break;
    case 2:
      bytes.insert(at, std::string(1 + random() % 12, "\xff\x80\x01\x12"[random() % 4]));
      break;
    case 3:
      bytes.resize(at);
      break;
    default:
      bytes.insert(at, bytes.substr(below(random, bytes.size()), random() % 40));
  }
}

TEST(ScalarReaderFuzz, TakesWhateverIsInAFile) {
  std::vector<std::string> events;
  absl::StatusOr<RecordReader> reader = RecordReader::open(kRecorded);
  ASSERT_TRUE(reader.ok()) << reader.status();
  while (reader->next() == RecordReader::Outcome::kRecord) events.push_back(reader->data());
  ASSERT_GT(events.size(), 10u);

  const std::string folder = testing::TempDir() + "/fuzz";
  std::filesystem::create_directories(folder);
  const std::uint64_t first = from_environment("TENSORBOARD_FUZZ_FIRST", 0);
  const std::uint64_t cases = from_environment("TENSORBOARD_FUZZ_CASES", 1000);
  for (std::uint64_t number = first; number < first + cases; ++number) {
    SCOPED_TRACE(number);
    std::mt19937_64 random(number);
    std::string file;
    for (std::string event : events) {
      if (random() % 4 == 0) mutate(event, random);
      file += make_record(event);
    }
    if (number % 2 == 0) mutate(file, random);
    std::ofstream(folder + "/events.out.tfevents.1.host", std::ios::binary) << file;
    const auto run = read_scalars(folder);
    ASSERT_TRUE(run.ok()) << run.status();
    std::size_t points = 0;
    for (const auto& [tag, series] : run->series) {
      ASSERT_FALSE(series.empty());
      points += series.size();
    }
    // Each takes some bytes.
    ASSERT_LE(points, file.size() / 4);
  }
}

}  // namespace
}  // namespace accelerate::tensorboard
