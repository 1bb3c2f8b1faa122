// Runs the example as a person would, and compares it with what plain PyTorch does from the same
// weights, which testing/recordings/record_char_gpt.py recorded and describes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate::train {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kText = "train/testdata/char_gpt_text.txt";
const std::string kWeights = "train/testdata/char_gpt_weights.pt";

using Outcome = launcher::ProgramEnd;

Outcome run(const std::vector<std::string>& arguments) {
  launcher::SubprocessOptions options{.arguments = {std::getenv("CHAR_GPT"), "--cpu"}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return launcher::run_to_end(options);
}

json recording() { return json::parse(std::ifstream("train/testdata/char_gpt_losses.json")); }

// The recorded model and training, except for what `more` sets.
std::vector<std::string> recorded(int processes, const std::vector<std::string>& more) {
  json options = recording()["options"];
  options["batch_size"] = options["batch_size"].get<int>() / processes;
  std::vector<std::string> arguments{"--data=" + kText, "--weights=" + kWeights,
                                     "--num_processes=" + std::to_string(processes)};
  for (const auto& [name, value] : options.items())
    arguments.push_back("--" + name + "=" + value.dump());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<double> losses(const std::string& output) {
  std::vector<double> all;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("loss ")) all.push_back(std::stod(line.substr(5)));
  return all;
}

struct TwinCase {
  std::string name;
  int processes;
  bool shuffle;
};

class PythonTwin : public testing::TestWithParam<TwinCase> {};

TEST_P(PythonTwin, HasTheSameLosses) {
  const auto& [name, processes, shuffle] = GetParam();
  const Outcome outcome = run(recorded(
      processes, {shuffle ? "--shuffle" : "--noshuffle", "--sample=0", "--report_losses"}));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const std::vector<double> expected = recording()[shuffle ? "shuffled" : "losses"];
  const std::vector<double> found = losses(outcome.output);
  ASSERT_EQ(found.size(), expected.size()) << outcome.output;
  // Near enough to tell the two kinds of GELU apart, and twenty times what was measured.
  for (size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(found[step], expected[step], 1e-5) << "step " << step;
}

INSTANTIATE_TEST_SUITE_P(Processes, PythonTwin,
                         testing::Values(TwinCase{"one_in_order", 1, false},
                                         TwinCase{"two_in_order", 2, false},
                                         TwinCase{"two_shuffled", 2, true}),
                         [](const auto& info) { return info.param.name; });

std::string written(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  return outcome.output.substr(outcome.output.find("\n\n") + 2);
}

TEST(CharGpt, WritesTheSampleThatItsSeedGives) {
  const std::string text = written(run(recorded(1, {"--sample=100"})));
  // The text begins with a T, and the line ends after the sample.
  EXPECT_THAT(text, StartsWith("T"));
  EXPECT_EQ(text.size(), 102u) << text;
  EXPECT_EQ(written(run(recorded(1, {"--sample=100"}))), text);
  EXPECT_NE(written(run(recorded(1, {"--sample=100", "--temperature=0"}))), text);
}

TEST(CharGpt, CountsCharactersNotBytes) {
  const std::string file = testing::TempDir() + "/arrows.txt";
  std::ofstream(file) << "a→b→a→b→a→b";
  const std::string output =
      run({"--data=" + file + "," + file, "--block=4", "--steps=1", "--sample=3"}).output;
  EXPECT_THAT(output, HasSubstr("3 different characters in a text of 22\n"));
  EXPECT_THAT(output, HasSubstr("step 1 loss "));
}

TEST(CharGpt, LearnsDocumentationInTwoProcessesAndBf16) {
  const Outcome outcome = run({"--num_processes=2", "--mixed_precision=bf16", "--steps=3",
                               "--report_losses", "--sample=20", "--dropout=0.1"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(losses(outcome.output).size(), 3u);
  EXPECT_THAT(outcome.output, HasSubstr(" tokens/s\n\n#"));
}

// With dropout, and the embedding's weights in the last layer.
TEST(CharGpt, CapturesItsStepsBitForBit) {
  for (const std::string precision : {"no", "bf16"}) {
    for (const int processes : {1, 2}) {
      const auto losses_of = [&](const std::string& captured) {
        const Outcome outcome =
            run({"--data=" + kText, "--num_processes=" + std::to_string(processes),
                 "--mixed_precision=" + precision, "--steps=200", "--width=16", "--block=16",
                 "--batch_size=4", "--dropout=0.1", "--report_losses", "--sample=0", captured});
        EXPECT_EQ(outcome.code, 0) << outcome.errors;
        EXPECT_THAT(outcome.errors, Not(HasSubstr("not captured")));
        return losses(outcome.output);
      };
      EXPECT_EQ(losses_of("--capture"), losses_of("--nocapture")) << precision << processes;
    }
  }
}

// A file of tokens that the command `accelerate` has made of the text.
std::string tokens_of(const std::string& text) {
  const std::string file = testing::TempDir() + "/tokens.bin";
  const Outcome made = launcher::run_to_end(
      {.arguments = {std::getenv("ACCELERATE"), "tokens", text, "--output=" + file}});
  EXPECT_EQ(made.code, 0) << made.errors;
  return file;
}

TEST(CharGpt, LearnsFromTokensThatTheCommandMade) {
  const std::string file = tokens_of(kText);
  for (const int processes : {1, 2}) {
    const Outcome outcome = run({"--tokens=" + file, "--num_processes=" + std::to_string(processes),
                                 "--steps=60", "--width=32", "--block=32", "--batch_size=8",
                                 "--warmup_steps=10", "--report_losses", "--sample=20"});
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr(" parameters, 256 different characters in a text of "));
    const std::vector<double> found = losses(outcome.output);
    ASSERT_EQ(found.size(), 60u);
    // That of knowing nothing is 5.5; this is less than how often each byte occurs tells.
    EXPECT_GT(found.front(), 5);
    EXPECT_LT(found.back(), 3.2);
    EXPECT_THAT(outcome.output.substr(outcome.output.find("\n\n") + 2), StartsWith("T"));
  }
}

TEST(CharGpt, WritesItsSampleWhereItsPageCannotBeWritten) {
  const Outcome outcome =
      run({"--data=" + kText, "--steps=2", "--sample=20", "--report=/proc/no/page.html"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.errors,
              HasSubstr("ERROR char_gpt: the report's page could not be written: "));
  EXPECT_THAT(outcome.output, HasSubstr(" tokens/s\n"));
  EXPECT_THAT(outcome.output, HasSubstr("\n\nT"));
}

// With a rate at which the first step makes the weights infinite.
TEST(CharGpt, SaysWhereGradientsGoWrong) {
  const std::string folder = testing::TempDir() + "/char_gpt_watch";
  const Outcome outcome =
      run({"--data=" + kText, "--num_processes=2", "--steps=3", "--lr=1e38", "--warmup_steps=0",
           "--width=16", "--block=16", "--watch=" + folder});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors,
              HasSubstr("watch(): after 1 step of this process, the gradients of "));
  EXPECT_THAT(outcome.errors, HasSubstr("The first NaN came out of `aten::"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/step_1_rank_1.safetensors"));
}

// As a scheduler stops a run whose time is over.
TEST(CharGpt, ReportsWhereItIsStopped) {
  const std::string folder = testing::TempDir() + "/char_gpt_stopped";
  const std::string page = testing::TempDir() + "/char_gpt_stopped.html";
  std::filesystem::remove_all(folder);
  std::filesystem::remove(page);
  launcher::Subprocess program(
      {.arguments = {std::getenv("CHAR_GPT"), "--cpu", "--num_processes=2", "--data=" + kText,
                     "--steps=1000000", "--log_every=1", "--width=16", "--block=16",
                     "--checkpoints=" + folder, "--report=" + page}});
  program.wait_for_output("step 3 ");
  program.send_signal(SIGUSR1);
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_TRUE(std::filesystem::exists(page));
  // No sample of what is half trained.
  EXPECT_THAT(program.output(), Not(HasSubstr("\n\nT")));
}

// The error with which the program ends.
std::string error(const std::vector<std::string>& arguments) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, Not(HasSubstr("frame #")));
  return outcome.errors;
}

TEST(CharGptErrors, OfTextsAreSentences) {
  EXPECT_EQ(error({"--data=/no/such/file.txt"}),
            "error: the text file /no/such/file.txt cannot be read; check its path, or leave out "
            "--data\n");
  const std::string file = testing::TempDir() + "/text.txt";
  std::ofstream(file).flush();
  EXPECT_EQ(error({"--data=" + file}), "error: the text file " + file +
                                           " is empty; write some text into it, or leave it out "
                                           "of --data\n");
  std::ofstream(file) << "abcd";
  EXPECT_EQ(error({"--data=" + file, "--block=4"}),
            "error: the text has 4 characters, too few for a block of 4 and the one that follows; "
            "use a longer text or a smaller --block\n");
}

TEST(CharGptErrors, OfTokensAreSentences) {
  const std::string file = testing::TempDir() + "/large.bin";
  std::ofstream(file) << std::string(40, 'a');
  const std::string start = "error: " + file + " cannot be read as tokens: at byte 0, ";
  EXPECT_THAT(
      error({"--tokens=" + file, "--block=4", "--noshuffle"}),
      HasSubstr(start + "there is the token 24929, which a vocabulary of 256 does not have"));
  EXPECT_THAT(
      error({"--tokens=" + file, "--block=20"}),
      HasSubstr("error: TokenFile: no sequence of 20 tokens, with the one that follows, fits"));
  EXPECT_EQ(error({"--tokens=/no/such*.bin"}),
            "error: /no/such*.bin: there is no such token file; correct the path or the "
            "pattern.\n");
  EXPECT_EQ(error({"--tokens=" + file, "--data=" + kText}),
            "error: there are --data and --tokens; give one of them\n");
}

TEST(CharGptErrors, OfSizesAreSentences) {
  EXPECT_EQ(error({"--width=30", "--heads=4"}),
            "error: a width of 30 cannot be divided between 4 heads; make the width a multiple of "
            "the heads\n");
  EXPECT_THAT(error({"--heads=0"}), HasSubstr("each must be at least 1"));
  EXPECT_THAT(error({"--dropout=1"}), HasSubstr("from 0 to below 1"));
}

TEST(CharGptErrors, OfWeightsNameTheEntry) {
  const auto error_with = [](const std::string& flag) { return error(recorded(1, {flag})); };
  const std::string start = "error: the weights file " + kWeights + " has ";
  EXPECT_EQ(error_with("--layers=3"),
            start +
                "no tensor `blocks.2.attention_norm.weight`; save all of the model's "
                "parameters\n");
  EXPECT_THAT(error_with("--layers=1"), HasSubstr("`blocks.1."));
  EXPECT_EQ(error_with("--block=16"),
            start +
                "`position_embedding.weight` of shape [32, 32] and this model needs [16, 32]; "
                "give the sizes and the text that it was saved with\n");
  // Another text has other characters.
  EXPECT_THAT(error_with("--data=" + kWeights), HasSubstr("`token_embedding.weight` of shape ["));
  EXPECT_THAT(error_with("--weights=" + kText), HasSubstr("holds no dict of names and tensors"));
  EXPECT_THAT(error_with("--weights=/no/such/file.pt"),
              HasSubstr("/no/such/file.pt cannot be read"));
}

}  // namespace
}  // namespace accelerate::train
