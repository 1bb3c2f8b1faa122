// What a Python program finds in its environment, against recordings of Python's launcher.

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/program_variables.h"
#include "launcher/request/complete_request.h"
#include "launcher/request/flags.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using Variables = std::map<std::string, std::string>;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  words.push_back("train.py");
  return words;
}

std::optional<std::string> nothing(const std::string& name) {
  if (name == "HF_HOME") return "/nonexistent";
  return std::nullopt;
}

// Rank 0's, of a machine with one core and eight GPUs, where the line does not ask for the CPU.
Variables environment_of(const std::string& line) {
  const auto request = parse_launch_command(words_of(line));
  if (!request.ok()) return {{"error", std::string(request.status().message())}};
  const auto completed = complete_request(*request, nothing);
  if (!completed.ok()) return {{"error", std::string(completed.status().message())}};
  const auto plan = make_launch_plan(completed->request, ProgramOrigin::kElsewhere,
                                     {.num_gpus = 8, .num_cores = 1}, nothing);
  if (!plan.ok()) return {{"error", std::string(plan.status().message())}};
  const Command script = {.kind = ProgramKind::kPythonScript, .argv = {"python3", "train.py"}};
  Variables variables;
  for (const auto& [name, value] : program_variables(*plan, script, {}, {.port = 1}, nothing)) {
    if (value.has_value()) variables[name] = *value;
  }
  return variables;
}

// Python reads the words for true and false in any case, and as 1 and 0.
std::string in_one_form(const std::string& value) {
  const std::string lower = absl::AsciiStrToLower(value);
  return lower == "1" ? "true" : lower == "0" ? "false" : lower;
}

bool is_truth_value(const std::string& value) {
  return in_one_form(value) == "true" || in_one_form(value) == "false";
}

// What is set here for every Python program, and by Python's launcher for some; of the last its
// launcher takes no note where a config file asks for it.
const std::set<std::string> kAlways = {"ACCELERATE_USE_CPU", "OMP_NUM_THREADS",
                                       "ACCELERATE_CPU_AFFINITY"};

bool is_of_torchrun(const std::string& name) {
  static const std::set<std::string> names = {
      "RANK",        "WORLD_SIZE",  "LOCAL_RANK",      "LOCAL_WORLD_SIZE",
      "MASTER_ADDR", "MASTER_PORT", "GROUP_RANK",      "GROUP_WORLD_SIZE",
      "ROLE_NAME",   "ROLE_RANK",   "ROLE_WORLD_SIZE", "TORCH_NCCL_ASYNC_ERROR_HANDLING"};
  return names.contains(name) || absl::StartsWith(name, "TORCHELASTIC_");
}

TEST(ReferenceEnvironments, AreWhatPythonProgramsFind) {
  std::ifstream file("launcher/plan/testdata/reference_environments.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 20u);
  for (const auto& recorded : cases) {
    const std::string line = recorded["line"];
    SCOPED_TRACE(line);
    Variables ours = environment_of(line);
    for (const auto& [name, value] : recorded["variables"].items()) {
      const std::string expected = value;
      if (name == "PYTHONPATH") {
        EXPECT_TRUE(ours.contains(name));
      } else if (name == "FSDP_SHARDING_STRATEGY" && absl::StrContains(line, "fsdp1.yaml")) {
        // The file asks for it in fsdp_reshard_after_forward, in vain in Python.
        EXPECT_EQ(ours[name], "SHARD_GRAD_OP");
      } else if (is_truth_value(expected)) {
        EXPECT_EQ(in_one_form(ours[name]), in_one_form(expected)) << name;
      } else {
        EXPECT_EQ(ours[name], expected) << name;
      }
    }
    for (const auto& [name, value] : ours) {
      const bool is_expected = recorded["variables"].contains(name) || is_of_torchrun(name) ||
                               kAlways.contains(name) ||
                               absl::StartsWith(name, "ACCELERATE_DYNAMO_");
      EXPECT_TRUE(is_expected) << name << "=" << value;
    }
  }
}

}  // namespace
}  // namespace accelerate::launcher
