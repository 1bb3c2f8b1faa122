// Runs the programs of docs/porting.md as their reader would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using launcher::ProgramEnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// The program whose path is in a variable.
ProgramEnd run(const char* variable, const std::vector<std::string>& arguments) {
  // The plain program takes a GPU by itself, where sums are rounded otherwise.
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  // Threads that wait for one another are slow on a busy machine.
  setenv("OMP_NUM_THREADS", "1", 1);
  launcher::SubprocessOptions options{.arguments = {std::getenv(variable)}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return launcher::run_to_end(options);
}

ProgramEnd run_ported(const char* variable, int processes, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--cpu", "--num_processes=" + std::to_string(processes)});
  return run(variable, arguments);
}

// Of all lines that begin so, what follows.
std::vector<std::string> after(const std::string& start, const std::string& output) {
  std::vector<std::string> rests;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(start)) rests.push_back(line.substr(start.size()));
  return rests;
}

// Of the only such line.
double number_after(const std::string& start, const std::string& output) {
  const std::vector<std::string> rests = after(start, output);
  EXPECT_THAT(rests, SizeIs(1)) << start << " in " << output;
  return rests.empty() ? 0 : std::stod(rests[0]);
}

std::string new_folder() {
  std::string folder = testing::TempDir() + "/run_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::set<std::string> checkpoints_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("checkpoint_")) names.insert(name);
  }
  return names;
}

TEST(Ported, PrintsWhatThePlainProgramPrints) {
  const ProgramEnd plain = run("PLAIN", {});
  ASSERT_EQ(plain.code, 0) << plain.errors;
  const ProgramEnd ported = run_ported("PORTED", 1, {});
  ASSERT_EQ(ported.code, 0) << ported.errors;
  std::stringstream page;
  page << std::ifstream("docs/porting.md").rdbuf();
  for (int epoch = 1; epoch <= 5; ++epoch) {
    const std::string start = "epoch " + std::to_string(epoch) + " loss ";
    const double loss = number_after(start, ported.output);
    EXPECT_NEAR(loss, number_after(start, plain.output), 1e-4);
    EXPECT_NEAR(loss, number_after(start, page.str()), 1e-2);
  }
}

TEST(Ported, LearnsTheSameOnTwoProcesses) {
  for (const char* precision : {"no", "bf16"}) {
    const ProgramEnd one = run_ported("PORTED", 1, {});
    const ProgramEnd two = run_ported("PORTED", 2, {"--mixed_precision=" + std::string(precision)});
    ASSERT_EQ(two.code, 0) << two.errors;
    // With half as many steps of twice as many samples.
    EXPECT_NEAR(number_after("epoch 5 loss ", two.output),
                number_after("epoch 5 loss ", one.output), 0.05);
  }
}

TEST(Arguments, AreTheProgramsOwn) {
  const ProgramEnd end = run_ported("ARGUMENTS", 2, {"--epochs=3", "--lr", "0.5"});
  EXPECT_EQ(end.code, 0) << end.errors;
  EXPECT_EQ(end.output, "epochs 3, lr 0.5\n");
  const ProgramEnd wrong = run_ported("ARGUMENTS", 1, {"--epoch_count=3"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.errors, HasSubstr("error: the flags are --epochs=N and --lr=RATE\n"));
}

class Recipes : public testing::TestWithParam<int> {
 protected:
  ProgramEnd run_recipes(const std::vector<std::string>& arguments) {
    return run_ported("RECIPES", GetParam(), arguments);
  }
};

TEST_P(Recipes, TrainAndEvaluateEachSampleOnce) {
  const std::string folder = new_folder();
  const ProgramEnd end = run_recipes({"--folder=" + folder});
  ASSERT_EQ(end.code, 0) << end.errors;
  const std::vector<std::string> evaluated = after("evaluated ", end.output);
  EXPECT_GE(evaluated.size(), 3u);
  for (const std::string& count : evaluated) EXPECT_EQ(count, "500 samples");
  EXPECT_GE(number_after("best accuracy ", end.output), 0.9) << end.output;
  EXPECT_GE(number_after("accuracy of the averages ", end.output), 0.85) << end.output;
  EXPECT_TRUE(fs::exists(folder + "/best/model.safetensors"));
  EXPECT_THAT(end.errors, Not(HasSubstr("not captured")));
}

TEST_P(Recipes, ResumeWithinAnEpoch) {
  const std::string folder = new_folder();
  const std::vector<std::string> arguments = {"--folder=" + folder, "--patience=100"};
  const ProgramEnd unbroken = run_recipes(arguments);
  ASSERT_EQ(unbroken.code, 0) << unbroken.errors;
  // What a run has that was killed before it saved the others.
  std::set<std::string> names = checkpoints_in(folder);
  ASSERT_GE(names.size(), 2u);
  names.erase(names.begin());
  for (const std::string& name : names) fs::remove_all(folder + "/" + name);
  const ProgramEnd resumed = run_recipes(arguments);
  ASSERT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("resumed from " + folder));
  for (const char* line : {"epoch 8 accuracy ", "accuracy of the averages ", "best accuracy "})
    EXPECT_EQ(after(line, resumed.output), after(line, unbroken.output)) << line;
}

TEST_P(Recipes, StopEarly) {
  // At a rate of zero no epoch is better than the first.
  const ProgramEnd end =
      run_recipes({"--folder=" + new_folder(), "--lr=0", "--patience=2", "--epochs=6"});
  ASSERT_EQ(end.code, 0) << end.errors;
  EXPECT_THAT(after("epoch ", end.output), SizeIs(3)) << end.output;
}

TEST_P(Recipes, StopWhenTheTimeIsUp) {
  const ProgramEnd end = run_recipes({"--folder=" + new_folder(), "--max_seconds=0"});
  ASSERT_EQ(end.code, 0) << end.errors;
  EXPECT_THAT(after("epoch ", end.output), SizeIs(1)) << end.output;
}

TEST_P(Recipes, FindARate) {
  const ProgramEnd end = run_recipes({"--find_rate"});
  ASSERT_EQ(end.code, 0) << end.errors;
  const std::vector<std::string> tried = after("rate ", end.output);
  ASSERT_GE(tried.size(), 20u) << end.output;
  EXPECT_TRUE(tried.front().starts_with("1e-05 loss 1.")) << end.output;
}

TEST_P(Recipes, CountTheStepsOfSchedules) {
  const ProgramEnd end = run_recipes({"--count_steps"});
  ASSERT_EQ(end.code, 0) << end.errors;
  const std::string updates = std::to_string(32 / GetParam());
  EXPECT_THAT(after("in one epoch: ", end.output),
              ElementsAre("batches 32, updates " + updates + ", epochs 1"));
}

INSTANTIATE_TEST_SUITE_P(Processes, Recipes, testing::Values(1, 2));

}  // namespace
}  // namespace accelerate
