// The second table of estimate-memory: what each process of a training takes.
#include "launcher/cli/training_memory.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "formats/safetensors/testing/safetensors_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"
#include "launcher/cli/estimate_memory_command.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Words = std::vector<std::string>;

const std::string kModel = "formats/safetensors/testdata/nested.safetensors";

CommandResult run(const Words& words) {
  return result_of([&](const Console& console) { return run_estimate_memory(words, console); });
}

safetensors::TensorEntry tensor(const std::string& name, std::vector<std::uint64_t> shape) {
  safetensors::TensorEntry entry = {.name = name, .shape = std::move(shape)};
  for (const std::uint64_t size : entry.shape) entry.num_elements *= size;
  return entry;
}

// Two blocks of 1,110 parameters, and a table of 2,000.
ModelSize some_model() {
  safetensors::ModelFile file;
  file.header.tensors = {tensor("table.weight", {200, 10})};
  for (const std::string block : {"h.0.", "h.1."}) {
    file.header.tensors.push_back(tensor(block + "up.weight", {10, 100}));
    file.header.tensors.push_back(tensor(block + "up.bias", {100}));
    file.header.tensors.push_back(tensor(block + "norm.weight", {10}));
  }
  return size_of_model({file});
}

// What a row has at its two moments; no such row has none.
std::vector<double> row(const TrainingMemory& memory, const std::string& name) {
  for (const TrainingMemoryRow& each : memory.rows)
    if (each.name == name) return {each.after_forward, each.after_backward};
  return {};
}

using Row = std::vector<double>;

TEST(ModelSize, TakesNumberedBlocksForUnits) {
  const ModelSize size = some_model();
  EXPECT_EQ(size.parameters, 4220);
  EXPECT_EQ(size.matrix_parameters, 4000);
  EXPECT_EQ(size.largest_unit, 2000);
  safetensors::ModelFile file;
  file.header.tensors = {tensor("h.0.a.weight", {3}), tensor("h.0.b.gate_proj.weight", {4}),
                         tensor("alone", {6})};
  EXPECT_EQ(size_of_model({file}).largest_unit, 7);
  EXPECT_TRUE(size_of_model({file}).is_gated);
  EXPECT_FALSE(size.is_gated);
  EXPECT_EQ(size_of_model({}).largest_unit, 0);
}

TEST(ModelSize, LeavesOutWhatDoesNotTrain) {
  safetensors::ModelFile file;
  file.header.tensors = {tensor("mask", {5}), tensor("weight", {7})};
  file.header.tensors[0].dtype = safetensors::Dtype::kI64;
  EXPECT_EQ(size_of_model({file}).parameters, 7);
}

TEST(TrainingMemory, OfOneProcessHasNoBuckets) {
  const TrainingMemory memory = training_memory(some_model(), {.optimizer_values = 2});
  EXPECT_EQ(row(memory, "parameters"), (Row{4 * 4220, 4 * 4220}));
  EXPECT_EQ(row(memory, "optimizer state"), (Row{8 * 4220, 8 * 4220}));
  EXPECT_EQ(row(memory, "gradients of a backward pass"), (Row{0, 4 * 4220}));
  EXPECT_EQ(row(memory, "gradient buckets"), Row());
  EXPECT_EQ(memory.peak(), 16 * 4220);
}

TEST(TrainingMemory, HasHalfCopiesOfMatricesUntilTheBackwardPassIsThrough) {
  const TrainingMemory memory = training_memory(some_model(), {.is_half = true});
  EXPECT_EQ(row(memory, "half-precision copies of weights"), (Row{2 * 4000, 0}));
  EXPECT_EQ(row(memory, "parameters"), (Row{4 * 4220, 4 * 4220})) << "which stay fp32";
}

TEST(TrainingMemory, IsCutAsTheStrategySays) {
  const auto of = [](TrainingStrategy strategy) {
    return training_memory(some_model(),
                           {.strategy = strategy, .num_processes = 4, .is_half = true});
  };
  const Row whole = {4 * 4220, 4 * 4220}, part = {4220, 4220};
  const Row two_whole = {8 * 4220, 8 * 4220}, two_parts = {2 * 4220, 2 * 4220};
  const TrainingMemory ddp = of(TrainingStrategy::kDdp);
  EXPECT_EQ(row(ddp, "parameters"), whole);
  EXPECT_EQ(row(ddp, "gradient buckets"), whole);
  EXPECT_EQ(row(ddp, "optimizer state"), two_whole);
  const TrainingMemory zero1 = of(TrainingStrategy::kZero1);
  EXPECT_EQ(row(zero1, "gradient buckets"), part);
  EXPECT_EQ(row(zero1, "gradients of a backward pass"), (Row{0, 2 * 4 * 2000}));
  EXPECT_EQ(row(zero1, "optimizer state"), two_parts);
  const TrainingMemory zero2 = of(TrainingStrategy::kZero2);
  EXPECT_EQ(row(zero2, "parameters"), whole);
  EXPECT_EQ(row(zero2, "gradient buckets"), part);
  EXPECT_EQ(row(zero2, "gradients of a backward pass"), (Row{0, 2 * 4 * 2000}));
  const TrainingMemory zero3 = of(TrainingStrategy::kZero3);
  EXPECT_EQ(row(zero3, "parameters"), part);
  EXPECT_EQ(row(zero3, "parameters brought together"), (Row{2 * 2 * 2000, 2 * 2 * 2000}));
  EXPECT_EQ(row(zero3, "half-precision copies of weights"), Row());
}

TEST(TrainingMemory, OfOneProcessIsTheSameByEachStrategy) {
  for (const auto strategy : {TrainingStrategy::kZero1, TrainingStrategy::kZero3}) {
    const TrainingMemory memory = training_memory(some_model(), {.strategy = strategy});
    EXPECT_EQ(memory.peak(), training_memory(some_model(), {}).peak());
  }
}

// The first row of table 2 of Korthikanti et al. is a layer of GPT-3's 22B model: 34 sbh + 5 as²b.
TEST(Activations, AreThoseOfThePaper) {
  const double s = 2048, b = 4, h = 6144, a = 64, layers = 48, v = 51200;
  TrainingBatch batch = {.shape = {.hidden = 6144,
                                   .layers = 48,
                                   .heads = 64,
                                   .vocabulary = 51200,
                                   .intermediate = 4 * 6144},
                         .samples = 4,
                         .tokens = 2048};
  const double ends = 5 * s * b * h + 4 * s * b * v;
  EXPECT_DOUBLE_EQ(activation_bytes(batch, /*is_gated=*/false, /*is_half=*/true),
                   layers * (34 * s * b * h + 5 * a * s * s * b) + ends);
  EXPECT_DOUBLE_EQ(activation_bytes(batch, /*is_gated=*/false, /*is_half=*/false),
                   layers * (66 * s * b * h + 9 * a * s * s * b) + ends + 4 * s * b * h);
  batch.flash_attention = true;
  EXPECT_DOUBLE_EQ(activation_bytes(batch, /*is_gated=*/false, /*is_half=*/true),
                   layers * 34 * s * b * h + ends);
  EXPECT_DOUBLE_EQ(activation_bytes(batch, /*is_gated=*/true, /*is_half=*/true),
                   layers * 50 * s * b * h + ends);
}

TEST(TrainingTable, IsThereOnlyWhereItIsAskedFor) {
  EXPECT_THAT(run({kModel}).output, Not(HasSubstr("After forward")));
  const CommandResult result =
      run({kModel, "--num_processes=2", "--strategy=zero1", "--optimizer=adamw"});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(
      result.output,
      AllOf(HasSubstr("Training using Adam"),
            HasSubstr("Memory of each of 2 processes: zero1, adamw, mixed precision no"),
            HasSubstr("optimizer state"), HasSubstr("not known"),
            HasSubstr("\nWithout activations, at most "), Not(HasSubstr("not yet a strategy"))));
  EXPECT_THAT(run({kModel, "--strategy=zero3"}).output,
              HasSubstr("zero3 is not yet a strategy of Accelerate for C++"));
  EXPECT_THAT(run({kModel, "--optimizer=sgd"}).output, Not(HasSubstr("optimizer state")));
}

class WithConfig : public ::testing::Test {
 protected:
  // A folder of a model with one parameter, and with this config.json.
  static std::string model_with(const std::string& config) {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    safetensors::write_file(name + "/config.json", config);
    const std::string weights = safetensors::write_file(
        name + "/model.safetensors",
        safetensors::safetensors_file(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                                      4));
    return weights.substr(0, weights.rfind('/'));
  }
};

TEST_F(WithConfig, TellsTheActivations) {
  const std::string folder = model_with(
      R"({"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 16, "n_inner": null,
          "n_positions": 4})");
  // 66·4·8 + 9·2·16 of the layer, 9·4·8 + 4·4·16 of the ends.
  const CommandResult whole = run({folder, "--batch_size=1"});
  EXPECT_EQ(whole.code, 0) << whole.errors;
  EXPECT_THAT(whole.output, AllOf(HasSubstr("2.88 KB"), HasSubstr("\nAt most ")));
  EXPECT_EQ(run({folder + "/model.safetensors", "--batch_size=1", "--sequence_length=4"}).output,
            run({folder + "/model.safetensors", "--batch_size=1"}).output);
  EXPECT_THAT(run({folder, "--batch_size=2", "--sequence_length=2", "--flash_attention"}).output,
              HasSubstr("2.59 KB"));
}

TEST_F(WithConfig, NamesWhatTheConfigLacks) {
  const std::string other = model_with(R"({"hidden_size": 8, "architectures": ["ResNet"]})");
  EXPECT_THAT(run({other, "--batch_size=1"}).errors,
              AllOf(HasSubstr("config.json does not describe a transformer"),
                    HasSubstr("num_hidden_layers")));
  model_with("{");
  EXPECT_EQ(run({other, "--batch_size=1"}).code, 2);
  model_with(R"([1])");
  EXPECT_EQ(run({other, "--batch_size=1"}).code, 2);
  model_with(R"({"n_embd": -8, "n_layer": 1, "n_head": 1e99, "vocab_size": 0})");
  EXPECT_EQ(run({other, "--batch_size=1"}).code, 2);
  model_with(R"({"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 16})");
  EXPECT_THAT(run({other, "--batch_size=1"}).errors, HasSubstr("--sequence_length is missing"));
}

TEST_F(WithConfig, RefusesAConfigThatIsNoFileOrTooLarge) {
  const std::string folder = model_with(std::string(10'000'001, ' '));
  const std::string config = folder + "/config.json";
  const auto error = [&folder] {
    const CommandResult result = run({folder, "--batch_size=1"});
    EXPECT_EQ(result.code, 2);
    return result.errors;
  };
  EXPECT_THAT(error(), HasSubstr("config.json has 10000001 bytes, and 10000000 are allowed"));
  std::filesystem::remove(config);
  std::filesystem::create_directory(config);
  EXPECT_THAT(error(), HasSubstr("config.json is not a regular file"));
  std::filesystem::remove(config);
  // Which nobody writes to.
  ASSERT_EQ(mkfifo(config.c_str(), 0600), 0);
  EXPECT_THAT(error(), HasSubstr("config.json is not a regular file"));
}

TEST(TrainingTable, SaysWhatIsWrongWithAFlag) {
  const auto error = [](const Words& flags) {
    Words words = {kModel};
    words.insert(words.end(), flags.begin(), flags.end());
    const CommandResult result = run(words);
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.output, IsEmpty());
    return result.errors;
  };
  EXPECT_THAT(
      error({"--num_processes=0"}),
      HasSubstr("--num_processes=0 is not valid: it takes a whole number from 1 to 1000000000"));
  EXPECT_THAT(error({"--num_processes=2147483648"}), HasSubstr("from 1 to 1000000000"));
  EXPECT_THAT(error({"--batch_size=x"}), HasSubstr("--batch_size"));
  EXPECT_THAT(error({"--optimizer=adan"}),
              HasSubstr("--optimizer: \"adan\" is not known; did you mean adam?"));
  EXPECT_THAT(error({"--strategy=zero4"}), HasSubstr("did you mean zero1?"));
  EXPECT_THAT(error({"--mixed_precision=fp8"}), HasSubstr("--mixed_precision"));
  EXPECT_THAT(
      error({"--batch_size=1"}),
      HasSubstr("testdata/config.json cannot be read, and without it the activations are unknown"));
  EXPECT_THAT(error({"--sequence_length=8"}), HasSubstr("needs --batch_size"));
  EXPECT_THAT(error({"--flash_attention"}), HasSubstr("needs --batch_size"));
}

}  // namespace
}  // namespace accelerate::launcher
