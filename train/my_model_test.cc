// Runs the example as a person would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate::train {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

using Outcome = launcher::ProgramEnd;

Outcome run(const std::vector<std::string>& arguments) {
  launcher::SubprocessOptions options{.arguments = {std::getenv("MY_MODEL"), "--cpu"}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return launcher::run_to_end(options);
}

std::string last_line(const std::string& output) {
  const size_t end = output.find_last_not_of('\n');
  const size_t start = output.find_last_of('\n', end);
  return output.substr(start + 1, end - start);
}

double accuracy(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(last_line(outcome.output), MatchesRegex("test accuracy [01]\\.[0-9][0-9][0-9]"));
  return std::stod(last_line(outcome.output).substr(std::string("test accuracy ").size()));
}

class MyModel : public testing::TestWithParam<std::pair<int, std::string>> {};

TEST_P(MyModel, ReachesItsAccuracyWithEqualRanks) {
  const auto& [processes, precision] = GetParam();
  const Outcome outcome = run({"--num_processes=" + std::to_string(processes),
                               "--mixed_precision=" + precision, "--report_ranks"});
  EXPECT_GE(accuracy(outcome), 0.97);

  std::set<std::string> digests;
  int ranks = 0, images = 0;
  const std::regex report("rank [0-9]+ saw ([0-9]+) images, digest ([0-9]+)");
  for (auto match = std::sregex_iterator(outcome.output.begin(), outcome.output.end(), report);
       match != std::sregex_iterator(); ++match) {
    ++ranks;
    images += std::stoi((*match)[1]);
    digests.insert((*match)[2]);
  }
  EXPECT_EQ(ranks, processes);
  EXPECT_EQ(digests.size(), 1u) << outcome.output;
  // Its share only: 1,437 images an epoch between all ranks, and what fills up the last round.
  EXPECT_LT(images, 15 * (1437 + 32 * processes));
}

INSTANTIATE_TEST_SUITE_P(Processes, MyModel,
                         testing::Values(std::pair(1, "no"), std::pair(2, "no"), std::pair(4, "no"),
                                         std::pair(1, "bf16"), std::pair(2, "bf16"),
                                         std::pair(4, "bf16"), std::pair(2, "fp16")),
                         [](const auto& info) {
                           return std::to_string(info.param.first) + "_in_" + info.param.second;
                         });

// 225 steps of a process, the last of each epoch with fewer images.
TEST(MyModelCaptured, IsItselfBitForBit) {
  for (const int processes : {1, 2}) {
    const auto report_of = [processes](const std::string& captured) {
      const Outcome outcome =
          run({"--num_processes=" + std::to_string(processes),
               "--epochs=" + std::to_string(5 * processes), "--report_ranks", captured});
      EXPECT_EQ(outcome.code, 0) << outcome.errors;
      EXPECT_THAT(outcome.errors, Not(HasSubstr("not captured")));
      std::multiset<std::string> lines;
      std::istringstream in(outcome.output);
      for (std::string line; std::getline(in, line);) lines.insert(line);
      return lines;
    };
    EXPECT_EQ(report_of("--capture"), report_of("--nocapture"));
  }
}

TEST(MyModelInput, MissingIsASentence) {
  const Outcome outcome = run({"--data=/no/such/file.csv"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(
      outcome.errors,
      "error: /no/such/file.csv cannot be read: No such file or directory; check its path and "
      "its permissions\n");
}

TEST(MyModelInput, MalformedNamesTheLine) {
  const std::string file = testing::TempDir() + "/digits.csv";
  std::string good;
  for (int i = 0; i < 64; ++i) good += "7,";
  for (const auto& [bad, place] : std::vector<std::pair<std::string, std::string>>{
           {"1,2,3", ":2: "},
           {good, ":2: "},
           {good + "3,4", ":2: "},
           {"x" + good, ":2: "},
           {good + "11", ": image 2 "},
           {"17" + good.substr(1) + "0", ": image 2 "}}) {
    std::ofstream(file) << good << "3\n" << bad << "\n";
    const Outcome outcome = run({"--data=" + file});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.errors, HasSubstr(file + place));
    EXPECT_THAT(outcome.errors, Not(HasSubstr("frame #")));
  }
  std::ofstream(file).flush();
  EXPECT_THAT(run({"--data=" + file}).errors, HasSubstr("is empty"));
}

}  // namespace
}  // namespace accelerate::train
