#include "launcher/env/slurm_step.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/host_list.h"
#include "launcher/env/integer.h"
#include "launcher/env/size_limits.h"

namespace accelerate::launcher {
namespace {

constexpr char kRemedy[] = "start the program with srun, or unset SLURM_STEP_ID.";

// From here on they are the steps that run no program.
constexpr uint32_t kFirstSpecialStep = 0xfffffff0;

// Nothing where it is no step that runs a program.
std::optional<uint32_t> step_id(const EnvironmentLookup& lookup) {
  uint32_t id = 0;
  if (!absl::SimpleAtoi(lookup("SLURM_STEP_ID").value_or(""), &id) || id >= kFirstSpecialStep) {
    return std::nullopt;
  }
  return id;
}

absl::StatusOr<std::string> text_of(const char* name, const EnvironmentLookup& lookup) {
  if (std::optional<std::string> text = lookup(name)) return *std::move(text);
  return absl::InvalidArgumentError(
      absl::StrCat("SLURM_STEP_ID is set, but ", name, " is not; ", kRemedy));
}

absl::Status read_number(const char* name, const EnvironmentLookup& lookup, IntegerRule rule,
                         int& number) {
  const absl::StatusOr<std::string> text = text_of(name, lookup);
  if (!text.ok()) return text.status();
  rule.name = name;
  rule.remedy = kRemedy;
  const absl::StatusOr<int> value = parse_integer(*text, rule);
  if (value.ok()) number = *value;
  return value.status();
}

// The entry of `node` in `2(x3),1`, which is 2 for the nodes 0 to 2 and 1 for node 3.
std::optional<int> tasks_of_node(const std::string& text, int node) {
  const std::vector<std::string> entries = absl::StrSplit(text, ',');
  for (const std::string& entry : entries) {
    const std::vector<std::string> parts = absl::StrSplit(entry, absl::MaxSplits("(x", 1));
    int tasks = 0;
    int repeated = 1;
    if (!absl::SimpleAtoi(parts[0], &tasks) || tasks < 1) return std::nullopt;
    if (parts.size() == 2) {
      const bool is_closed = absl::EndsWith(parts[1], ")");
      if (!is_closed || !absl::SimpleAtoi(parts[1].substr(0, parts[1].size() - 1), &repeated)) {
        return std::nullopt;
      }
    }
    if (node < repeated) return tasks;
    node -= repeated;
  }
  return std::nullopt;
}

absl::Status read_local_tasks(const EnvironmentLookup& lookup, SlurmStep& step) {
  int node = 0;
  absl::Status status = read_number("SLURM_NODEID", lookup, {}, node);
  if (!status.ok()) return status;
  const absl::StatusOr<std::string> text = text_of("SLURM_STEP_TASKS_PER_NODE", lookup);
  if (!text.ok()) return text.status();
  const std::optional<int> tasks = tasks_of_node(*text, node);
  if (!tasks.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("SLURM_STEP_TASKS_PER_NODE=", *text,
                                                   " has no number of tasks for node ", node, "; ",
                                                   kRemedy));
  }
  step.num_local_tasks = *tasks;
  return absl::OkStatus();
}

absl::Status check_order(const SlurmStep& step) {
  if (step.task < step.num_tasks && step.local_task < step.num_local_tasks) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("SLURM_PROCID=", step.task, " and SLURM_LOCALID=", step.local_task,
                   " are not below the ", step.num_tasks, " tasks of the step and the ",
                   step.num_local_tasks, " of this node; ", kRemedy));
}

absl::Status read_main(const EnvironmentLookup& lookup, uint32_t id, SlurmStep& step) {
  int job = 0;
  const absl::Status status = read_number("SLURM_JOB_ID", lookup, {}, job);
  if (!status.ok()) return status;
  // Far apart, so that the steps of one job do not get the ports of the jobs that follow it.
  step.main.port = job_port(static_cast<uint64_t>(job) + uint64_t{1021} * id);
  if (step.num_nodes == 1) return absl::OkStatus();
  const absl::StatusOr<std::string> nodes = text_of("SLURM_STEP_NODELIST", lookup);
  if (!nodes.ok()) return nodes.status();
  const absl::StatusOr<std::string> first = first_host("SLURM_STEP_NODELIST", *nodes);
  if (first.ok()) step.main.address = *first;
  return first.status();
}

}  // namespace

absl::StatusOr<std::optional<SlurmStep>> read_slurm_step(const EnvironmentLookup& lookup) {
  const std::optional<uint32_t> id = step_id(lookup);
  if (!id.has_value()) return std::nullopt;
  SlurmStep step;
  const IntegerRule count = {.minimum = 1, .maximum = kMostProcesses};
  absl::Status status = read_number("SLURM_STEP_NUM_TASKS", lookup, count, step.num_tasks);
  if (status.ok()) status = read_number("SLURM_PROCID", lookup, {}, step.task);
  if (status.ok()) status = read_number("SLURM_LOCALID", lookup, {}, step.local_task);
  if (status.ok()) status = read_number("SLURM_STEP_NUM_NODES", lookup, count, step.num_nodes);
  if (status.ok()) status = read_local_tasks(lookup, step);
  if (status.ok()) status = check_order(step);
  if (status.ok()) status = read_main(lookup, *id, step);
  if (!status.ok()) return status;
  return step;
}

}  // namespace accelerate::launcher
