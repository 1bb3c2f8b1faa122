#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "formats/safetensors/testing/safetensors_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/box_table.h"
#include "launcher/cli/command_result.h"
#include "launcher/cli/estimate_memory_command.h"
#include "launcher/cli/memory_estimate.h"
#include "launcher/text/human_size.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Words = std::vector<std::string>;

const std::string kTestdata = "formats/safetensors/testdata/";

// The list of this name; by value, so that a loop may run over the result.
nlohmann::json recorded(const std::string& name) {
  std::ifstream file(kTestdata + "estimates.json");
  const nlohmann::json list = nlohmann::json::parse(file).at(name);
  EXPECT_GT(list.size(), 5);
  return list;
}

CommandResult run(const Words& words) {
  return result_of([&](const Console& console) { return run_estimate_memory(words, console); });
}

// A model of tensors with four numbers each.
MemoryEstimate estimate_of(const Words& names) {
  safetensors::ModelFile file;
  for (const std::string& name : names) {
    file.header.tensors.push_back({.name = name, .num_elements = 4});
  }
  return estimate_memory({file});
}

TEST(HumanSize, IsWhatThePythonFunctionPrints) {
  for (const nlohmann::json& row : recorded("sizes")) {
    const std::string expected = row.at(1);
    if (row.at(0).is_number_float()) {
      EXPECT_EQ(human_size(row.at(0).get<double>()), expected);
    } else {
      EXPECT_EQ(human_size(row.at(0).get<std::int64_t>()), expected);
    }
  }
}

TEST(MemoryEstimate, IsWhatThePythonFunctionsCompute) {
  for (const nlohmann::json& model : recorded("models")) {
    const auto files = safetensors::read_model(kTestdata + model.at("path").get<std::string>());
    ASSERT_TRUE(files.ok()) << files.status();
    const MemoryEstimate estimate = estimate_memory(*files);
    EXPECT_EQ(estimate.total_size, model.at("total_size").get<double>()) << model.at("path");
    EXPECT_EQ(estimate.largest_layer, model.at("largest_layer").get<double>()) << model.at("path");
  }
}

TEST(MemoryEstimate, TakesModulesWithoutModulesForLayers) {
  EXPECT_EQ(estimate_of({"a.weight", "a.bias"}).largest_layer, 32);
  EXPECT_EQ(estimate_of({"weight", "bias"}).largest_layer, 16) << "of the model itself";
  EXPECT_EQ(estimate_of({"a.x", "a.y", "a.z", "a.b.w"}).largest_layer, 16) << "beside a module";
  EXPECT_EQ(estimate_of({"a.x", "a.y", "a.z", "a.b.w", "a-b.w"}).largest_layer, 16);
  EXPECT_EQ(estimate_of({"a.x", "a.y", "ab.w", "a-b.w", "a0.w"}).largest_layer, 32);
  EXPECT_EQ(estimate_of({}).largest_layer, 0);
}

TEST(MemoryEstimate, AddsUpALayerThatLiesInTwoFiles) {
  safetensors::ModelFile first;
  safetensors::ModelFile second;
  first.header.tensors.push_back({.name = "a.weight", .num_elements = 4});
  second.header.tensors.push_back({.name = "a.bias", .num_elements = 4});
  EXPECT_EQ(estimate_memory({first, second}).largest_layer, 32);
}

TEST(BoxTable, AlignsItsColumnsAsTold) {
  EXPECT_EQ(box_table("Fruit", {"name", "price"}, {{"fig", "12"}},
                      {.columns = {BoxAlignment::kLeft, BoxAlignment::kRight}, .is_ascii = true}),
            "+----------+\n"
            "|  Fruit   |\n"
            "+----+-----+\n"
            "|name|price|\n"
            "+----+-----+\n"
            "|fig |   12|\n"
            "+----+-----+\n");
}

TEST(BoxTable, WidensItsLastColumnForALongTitle) {
  EXPECT_EQ(box_table("Fruit", {"name", "price"}, {{"apple", "1"}, {"fig", "12"}}),
            "┌───────────┐\n"
            "│   Fruit   │\n"
            "├─────┬─────┤\n"
            "│ name│price│\n"
            "├─────┼─────┤\n"
            "│apple│  1  │\n"
            "│ fig │  12 │\n"
            "└─────┴─────┘\n");
  EXPECT_EQ(box_table("Prices of früit", {"name", "price"}, {{"fig", "12"}}),
            "┌─────────────────┐\n"
            "│ Prices of früit │\n"
            "├────┬────────────┤\n"
            "│name│   price    │\n"
            "├────┼────────────┤\n"
            "│fig │     12     │\n"
            "└────┴────────────┘\n");
}

TEST(EstimateMemory, PrintsTheTableOfThePythonCommand) {
  const std::filesystem::path start = std::filesystem::current_path();
  const nlohmann::json models = recorded("models");
  std::filesystem::current_path(kTestdata);
  for (const nlohmann::json& model : models) {
    const CommandResult result = run({model.at("path")});
    EXPECT_EQ(result.code, 0) << result.errors;
    EXPECT_EQ(result.output, absl::StrJoin(model.at("table").get<Words>(), "\n") + "\n");
  }
  std::filesystem::current_path(start);
}

TEST(EstimateMemory, PrintsTheRowsThatAreAskedFor) {
  const CommandResult result =
      run({kTestdata + "nested.safetensors", "--dtypes", "bfloat16", "int4"});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("│bfloat16│ 140.0 bytes │912.0 bytes│"), HasSubstr("3.56 KB"),
                    HasSubstr("│  int4  │"), Not(HasSubstr("float32"))));
}

TEST(EstimateMemory, NamesTheNearestDtypeAndFlag) {
  const CommandResult dtype = run({kTestdata + "nested.safetensors", "--dtypes", "float23"});
  EXPECT_EQ(dtype.code, 2);
  EXPECT_EQ(
      dtype.errors,
      "accelerate estimate-memory: --dtypes: \"float23\" is not a dtype; did you mean float32?\n");
  EXPECT_THAT(dtype.output, IsEmpty());
  EXPECT_THAT(
      run({"x", "--dtype=int8"}).errors,
      HasSubstr("--dtype is not a flag of accelerate estimate-memory; did you mean --dtypes?"));
  EXPECT_THAT(run({}).errors, HasSubstr("PATH is missing; write accelerate estimate-memory PATH"));
}

TEST(EstimateMemory, IgnoresThePythonCommandsOtherFlagsWithAWarning) {
  const CommandResult result = run({kTestdata + "alone.safetensors", "--library-name", "timm"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.errors, HasSubstr("--library_name is ignored, because"));
  EXPECT_THAT(run({kTestdata + "alone.safetensors", "--trust_remote_code"}).errors,
              HasSubstr("--trust_remote_code is ignored, because"));
}

TEST(EstimateMemory, SaysWhatToDoAboutANameOnAHub) {
  const CommandResult result = run({"google-bert/bert-base-cased"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors,
              AllOf(HasSubstr("google-bert/bert-base-cased: there is no such file or folder"),
                    HasSubstr("hf download")));
}

TEST(EstimateMemory, SaysWhatIsWrongWithAFile) {
  const std::string path = safetensors::write_file("short.safetensors", "short");
  const CommandResult result = run({path});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors,
              AllOf(HasSubstr(path + " cannot be read as safetensors: it has 5 bytes"),
                    HasSubstr("download the file again")));
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1);
}

}  // namespace
}  // namespace accelerate::launcher
