#include "launcher/cli/training_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/cli/box_table.h"
#include "launcher/cli/model_shape.h"
#include "launcher/cli/training_memory.h"
#include "launcher/env/integer.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/human_size.h"

namespace accelerate::launcher {
namespace {

struct NamedStrategy {
  const char* name;
  TrainingStrategy strategy;
};
// Ours, and those of FSDP's sharding_strategy.
constexpr NamedStrategy kStrategies[] = {
    {"ddp", TrainingStrategy::kDdp},         {"zero1", TrainingStrategy::kZero1},
    {"zero2", TrainingStrategy::kZero2},     {"zero3", TrainingStrategy::kZero3},
    {"NO_SHARD", TrainingStrategy::kDdp},    {"SHARD_GRAD_OP", TrainingStrategy::kZero2},
    {"FULL_SHARD", TrainingStrategy::kZero3}};

// How many numbers it keeps for each parameter, and whether it can do so in bfloat16.
struct NamedOptimizer {
  const char* name;
  int values;
  bool rounds_moments = false;
};
constexpr NamedOptimizer kOptimizers[] = {{"adam", 2, true},   {"adamw", 2, true}, {"sgd", 0},
                                          {"sgd-momentum", 1}, {"rmsprop", 1},     {"adagrad", 1},
                                          {"lion", 1}};

struct NamedMoments {
  const char* name;
  bool is_bf16;
};
constexpr NamedMoments kMoments[] = {{"fp32", false}, {"bf16", true}};

template <class Choice, std::size_t kCount>
absl::StatusOr<Choice> choose(const Arguments& arguments, const std::string& flag,
                              const Choice (&choices)[kCount]) {
  const std::string word = arguments.value(flag).value_or(choices[0].name);
  std::vector<std::string> names;
  for (const Choice& choice : choices) {
    if (word == choice.name) return choice;
    names.push_back(choice.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": \"", word, "\" is not known; ", suggestion(word, names)));
}

// More than any training has of anything.
constexpr int kMost = 1'000'000'000;

// From 1 to kMost; nothing where the flag was not given.
absl::StatusOr<std::optional<int>> count(const Arguments& arguments, const std::string& flag) {
  const auto text = arguments.value(flag);
  if (!text) return std::nullopt;
  const auto number = parse_integer(*text, {.name = absl::StrCat("--", flag),
                                            .minimum = 1,
                                            .maximum = kMost,
                                            .remedy = "give one of these"});
  if (!number.ok()) return number.status();
  return *number;
}

absl::StatusOr<std::optional<TrainingBatch>> read_batch(const Arguments& arguments,
                                                        const std::string& path) {
  const auto samples = count(arguments, "batch_size");
  if (!samples.ok()) return samples.status();
  const auto tokens = count(arguments, "sequence_length");
  if (!tokens.ok()) return tokens.status();
  if (!*samples) {
    for (const char* flag : {"sequence_length", "flash_attention"}) {
      if (arguments.has(flag)) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", flag, " needs --batch_size; give both"));
      }
    }
    return std::nullopt;
  }
  const auto shape = read_model_shape(path);
  if (!shape.ok()) return shape.status();
  if (!*tokens && !shape->positions) {
    return absl::InvalidArgumentError(
        "--sequence_length is missing, and the config.json does not contain the longest sequence; "
        "give the tokens of a sample");
  }
  return TrainingBatch{.shape = *shape,
                       .samples = **samples,
                       .tokens = *tokens ? **tokens : *shape->positions,
                       .flash_attention = arguments.has("flash_attention")};
}

// Whole bytes where that is exact.
std::string size_text(double bytes) {
  return bytes < 1024 ? human_size(static_cast<std::int64_t>(bytes)) : human_size(bytes);
}

std::string table_of(const std::string& title, const TrainingMemory& memory,
                     bool knows_activations) {
  std::vector<std::vector<std::string>> rows;
  for (const TrainingMemoryRow& row : memory.rows)
    rows.push_back({row.name, size_text(row.after_forward), size_text(row.after_backward)});
  if (!knows_activations) rows.push_back({"activations", "not known", "0 bytes"});
  const TrainingMemoryRow total = memory.total();
  const char* more = knows_activations ? "" : "more than ";
  rows.push_back({total.name, absl::StrCat(more, size_text(total.after_forward)),
                  size_text(total.after_backward)});
  using enum BoxAlignment;
  return box_table(title, {"", "After forward", "After backward"}, rows,
                   {.columns = {kLeft, kRight, kRight}});
}

}  // namespace

const std::vector<Flag>& training_table_flags() {
  static const std::vector<Flag> flags = {
      {.name = "num_processes", .value_name = "N", .help = "Number of processes (1)."},
      {.name = "strategy",
       .value_name = "STRATEGY",
       .help = "ddp (the default), zero1, zero2, zero3; or NO_SHARD, SHARD_GRAD_OP, FULL_SHARD."},
      {.name = "mixed_precision",
       .value_name = "PRECISION",
       .help = "no (the default), fp16, bf16."},
      {.name = "optimizer",
       .value_name = "NAME",
       .help = "adam (the default), adamw, sgd, sgd-momentum, rmsprop, adagrad, lion."},
      {.name = "moments",
       .value_name = "TYPE",
       .help = "fp32 (the default) or bf16: the type of the moments of adam and adamw."},
      {.name = "batch_size",
       .value_name = "N",
       .help = "Samples in a step of each process. Adds the activations of a transformer, if its "
               "config.json is beside its weights."},
      {.name = "sequence_length",
       .value_name = "N",
       .help = "Tokens in a sample (the most that the model takes)."},
      {.name = "flash_attention",
       .help = "Attention does not keep the matrix of all tokens by all tokens; LibTorch's "
               "scaled_dot_product_attention typically does not."}};
  return flags;
}

absl::StatusOr<std::string> training_table(const Arguments& arguments, const std::string& path,
                                           const std::vector<safetensors::ModelFile>& files) {
  const auto& flags = training_table_flags();
  if (std::none_of(flags.begin(), flags.end(),
                   [&](const Flag& flag) { return arguments.has(flag.name); }))
    return "";
  const auto processes = count(arguments, "num_processes");
  if (!processes.ok()) return processes.status();
  const auto strategy = choose(arguments, "strategy", kStrategies);
  if (!strategy.ok()) return strategy.status();
  const auto optimizer = choose(arguments, "optimizer", kOptimizers);
  if (!optimizer.ok()) return optimizer.status();
  const auto moments = choose(arguments, "moments", kMoments);
  if (!moments.ok()) return moments.status();
  if (moments->is_bf16 && !optimizer->rounds_moments) {
    return absl::InvalidArgumentError(
        absl::StrCat("--moments: bf16 is for adam and adamw, and the optimizer is ",
                     optimizer->name, "; leave one of the two flags out"));
  }
  const std::string precision = arguments.value("mixed_precision").value_or("no");
  const auto parsed = parse_mixed_precision(precision);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--mixed_precision: ", parsed.status().message()));
  }
  const auto batch = read_batch(arguments, path);
  if (!batch.ok()) return batch.status();

  const int num_processes = processes->value_or(1);
  const TrainingMemory memory =
      training_memory(size_of_model(files), {.strategy = strategy->strategy,
                                             .num_processes = num_processes,
                                             .is_half = *parsed != MixedPrecision::kNo,
                                             .optimizer_values = optimizer->values,
                                             .has_bf16_moments = moments->is_bf16,
                                             .batch = *batch});
  std::string text = table_of(
      absl::StrCat(
          num_processes == 1 ? "Memory of the process"
                             : absl::StrCat("Memory of each of ", num_processes, " processes"),
          ": ", strategy->name, ", ", optimizer->name,
          moments->is_bf16 ? " with moments in bf16" : "", ", mixed precision ", precision),
      memory, batch->has_value());
  absl::StrAppend(&text, *batch ? "At most " : "Without activations, at most ",
                  size_text(memory.peak()),
                  " in a step, in addition to what LibTorch and a GPU's driver take.\n");
  if (!*batch) {
    absl::StrAppend(&text,
                    "--batch_size estimates the activations of transformers with a config.json; "
                    "for other models, accelerator.report() shows the peak of a run.\n");
  }
  if (strategy->strategy == TrainingStrategy::kZero3) {
    absl::StrAppend(&text, strategy->name,
                    " is not yet a strategy of Accelerate for C++; this is what it would take.\n");
  }
  return text;
}

}  // namespace accelerate::launcher
