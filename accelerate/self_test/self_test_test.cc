// Runs the program as a person, `accelerate test` or another launcher would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "launcher/posix/listening_socket.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate {
namespace {

using launcher::Subprocess;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

using Words = std::vector<std::string>;

// With one thread each: many that wait for one another are slow on a busy machine.
Words command(const Words& arguments, const Words& variables = {}) {
  Words words{"/usr/bin/env", "OMP_NUM_THREADS=1"};
  words.insert(words.end(), variables.begin(), variables.end());
  words.push_back(std::getenv("SELF_TEST"));
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

void expect_success(const Words& arguments, const std::string& first_line) {
  Subprocess program({.arguments = command(arguments)});
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_TRUE(program.vanishes());
  EXPECT_EQ(program.errors(), "");
  EXPECT_THAT(program.output(), StartsWith("process group: " + first_line + " ."));
  std::istringstream lines(program.output());
  int checks = 0;
  for (std::string line; std::getline(lines, line); ++checks)
    EXPECT_THAT(line, ContainsRegex(": .+ \\.+ ok$"));
  EXPECT_EQ(checks, 11) << program.output();
}

TEST(SelfTest, PassesOnOneProcess) { expect_success({"--cpu"}, "1 process on the CPU, alone"); }

TEST(SelfTest, PassesOnSeveralInEachPrecision) {
  expect_success({"--cpu", "--num_processes=2"}, "2 processes on the CPU");
  expect_success({"--cpu", "--num_processes=3"}, "3 processes on the CPU");
  for (const std::string precision : {"fp16", "bf16"}) {
    expect_success({"--cpu", "--num_processes=2", "--mixed_precision=" + precision},
                   "2 processes on the CPU, launched in " + precision);
  }
}

// A process of a run of two, as another launcher starts it.
Words worker(int rank, int port) {
  const std::string number = std::to_string(rank);
  return command({"--cpu"}, {"RANK=" + number, "WORLD_SIZE=2", "LOCAL_RANK=" + number,
                             "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port)});
}

TEST(SelfTest, PassesUnderAnotherLauncher) {
  const int port = launcher::open_listening_socket(0)->port;
  Subprocess first({.arguments = worker(0, port)}), second({.arguments = worker(1, port)});
  EXPECT_EQ(first.wait(), 0) << first.errors();
  EXPECT_EQ(second.wait(), 0) << second.errors();
  EXPECT_THAT(first.output(), StartsWith("process group: 2 processes"));
  EXPECT_EQ(second.output(), "");
}

TEST(SelfTest, FailsWhenARankIsKilled) {
  const int port = launcher::open_listening_socket(0)->port;
  Subprocess first({.arguments = worker(0, port)}), second({.arguments = worker(1, port)});
  first.wait_for_output("process group: ");
  second.send_signal(SIGKILL);
  EXPECT_EQ(first.wait(), 1);
  EXPECT_THAT(first.errors(),
              ContainsRegex("error: .*: .* \\.+ FAILED: rank 0: .*rank 1 .pid [0-9]+. has died"));
}

TEST(SelfTest, FailsWhereTheProcessesCannotMeet) {
  const auto taken = launcher::open_listening_socket(0);
  Subprocess program({.arguments = worker(0, taken->port)});
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(),
              HasSubstr("port " + std::to_string(taken->port) +
                        " of this machine is taken by another process; choose another port"));
  EXPECT_EQ(program.output(), "");
}

TEST(SelfTest, FailsOnAFullDisk) {
  const Words words = command({"--cpu", "--num_processes=2"});
  std::string line = "exec";
  for (const std::string& word : words) line += " " + word;
  Subprocess program({.arguments = {"/bin/sh", "-c", line + " > /dev/full"}});
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("error: the results could not be written; see to"));
}

TEST(SelfTest, RefusesWordsThatItDoesNotKnow) {
  Subprocess program({.arguments = command({"--cpu", "--fast"})});
  EXPECT_EQ(program.wait(), 2);
  EXPECT_THAT(program.errors(), HasSubstr("fast"));
  EXPECT_EQ(program.output(), "");
}

}  // namespace
}  // namespace accelerate
