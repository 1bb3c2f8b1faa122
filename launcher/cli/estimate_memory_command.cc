#include "launcher/cli/estimate_memory_command.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "formats/safetensors/model.h"
#include "launcher/cli/box_table.h"
#include "launcher/cli/command.h"
#include "launcher/cli/memory_estimate.h"
#include "launcher/cli/training_table.h"
#include "launcher/names/command_name.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/human_size.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

struct DtypeRule {
  const char* name;
  int divisor;          // Of the size in fp32.
  int training_factor;  // Of the size in fp32: weights, gradients and Adam's state; 0 for none.
};

constexpr std::array kDtypeRules = {
    DtypeRule{"float32", 1, 4}, DtypeRule{"float16", 2, 2}, DtypeRule{"bfloat16", 2, 2},
    DtypeRule{"int8", 4, 0},    DtypeRule{"int4", 8, 0},
};

// Flags that only make sense where models are built from a hub.
constexpr std::array kIgnoredFlags = {"library_name", "trust_remote_code"};

std::vector<Flag> all_flags() {
  std::vector<Flag> flags = {
      {.name = "dtypes",
       .value_name = "DTYPE",
       .many = true,
       .help = "Rows: float32, float16, bfloat16, int8, int4 (all but bfloat16)."},
      {.name = "library_name", .value_name = "LIBRARY"},
      {.name = "trust_remote_code"}};
  for (const Flag& flag : training_table_flags()) flags.push_back(flag);
  return flags;
}

const CommandSyntax& syntax() {
  static const CommandSyntax syntax = {
      .name = "estimate-memory",
      .description =
          "Reads the headers of safetensors files, and says how much memory the model takes to "
          "load and to train with Adam. With --num_processes or one of the flags after it, a "
          "second table says what each process of a training takes.",
      .positionals = {{.name = "PATH",
                       .help = "A .safetensors file, an index (*.json), or a folder with either."}},
      .flags = all_flags()};
  return syntax;
}

absl::StatusOr<std::vector<DtypeRule>> choose_rules(const Arguments& arguments) {
  std::vector<std::string> names = {"float32", "float16", "int8", "int4"};
  if (arguments.has("dtypes")) names = arguments.values("dtypes");
  std::vector<std::string> known;
  for (const DtypeRule& rule : kDtypeRules) known.push_back(rule.name);
  std::vector<DtypeRule> rules;
  for (const std::string& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--dtypes: \"", name, "\" is not a dtype; ", suggestion(name, known)));
    }
    rules.push_back(kDtypeRules[static_cast<std::size_t>(found - known.begin())]);
  }
  return rules;
}

absl::Status check_path(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) || error) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      path,
      ": there is no such file or folder; correct the path. A model on the Hugging Face Hub must "
      "be downloaded first, for example with: hf download NAME --local-dir FOLDER"));
}

// A whole number of bytes is printed as one, as long as nothing was divided.
std::string undivided_size(double bytes) {
  if (std::floor(bytes) != bytes) return human_size(bytes);
  return human_size(static_cast<std::int64_t>(bytes));
}

std::vector<std::string> table_row(const DtypeRule& rule, const MemoryEstimate& estimate) {
  const auto size = [&rule](double bytes) {
    return rule.divisor == 1 ? undivided_size(bytes) : human_size(bytes / rule.divisor);
  };
  return {rule.name, size(estimate.largest_layer), size(estimate.total_size),
          rule.training_factor == 0 ? "N/A"
                                    : undivided_size(estimate.total_size * rule.training_factor)};
}

absl::Status estimate(const Arguments& arguments, const Console& console) {
  for (const std::string flag : kIgnoredFlags) {
    if (!arguments.has(flag)) continue;
    console.errors << command_name() << " estimate-memory: --" << flag
                   << " is ignored, because no model is built here: the files are read.\n";
  }
  const absl::StatusOr<std::vector<DtypeRule>> rules = choose_rules(arguments);
  if (!rules.ok()) return rules.status();
  const std::string& path = arguments.positionals[0];
  const absl::Status status = check_path(path);
  if (!status.ok()) return status;
  const auto files = safetensors::read_model(path);
  if (!files.ok()) return files.status();
  const absl::StatusOr<std::string> training = training_table(arguments, path, *files);
  if (!training.ok()) return training.status();

  const MemoryEstimate estimate = estimate_memory(*files);
  std::vector<std::vector<std::string>> rows;
  for (const DtypeRule& rule : *rules) rows.push_back(table_row(rule, estimate));
  console.output << box_table(absl::StrCat("Memory Usage for loading `", plain(path), "`"),
                              {"dtype", "Largest Layer", "Total Size", "Training using Adam"}, rows)
                 << *training;
  return absl::OkStatus();
}

}  // namespace

int run_estimate_memory(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    return estimate(arguments, console);
  });
}

}  // namespace accelerate::launcher
