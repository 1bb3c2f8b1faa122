#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "launcher/cluster/job_template.h"
#include "launcher/env/meeting_place.h"
#include "launcher/env/variable_names.h"
#include "launcher/names/command_name.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

// In double quotes YAML reads what JSON writes.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Kubernetes puts the value of a variable in the place of $(NAME).
std::string literal(const std::string& text) {
  return quoted(absl::StrReplaceAll(text, {{"$(", "$$("}}));
}

std::string indented(const std::string& text, int columns) {
  std::string result;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&result, std::string(columns, ' '), line, "\n");
  }
  return result;
}

std::string variable(const std::string& name, const std::string& value) {
  return absl::StrCat("- name: ", name, "\n  value: ", value, "\n");
}

std::string variables(const TemplateJob& job) {
  std::string text;
  for (const auto& [name, value] : job.variables) {
    if (value.has_value()) text += variable(name, literal(*value));
  }
  return text;
}

// What a pod consists of; `environment` are items of a list.
std::string pod(const TemplateJob& job, const std::string& container,
                const std::string& environment) {
  std::string text = absl::StrCat(
      "spec:\n"
      "  containers:\n"
      "  - name: ",
      container,
      "\n"
      "    # Has the program, and `",
      command_name(),
      "` on its PATH.\n"
      "    image: IMAGE\n"
      "    command:\n");
  for (const std::string& word : job.launch) absl::StrAppend(&text, "    - ", literal(word), "\n");
  if (!environment.empty()) absl::StrAppend(&text, "    env:\n", indented(environment, 4));
  if (job.plan.device == DeviceKind::kGpu) {
    absl::StrAppend(&text,
                    "    resources:\n"
                    "      limits:\n"
                    "        nvidia.com/gpu: ",
                    job.plan.num_processes,
                    "\n"
                    "    # NCCL needs more shared memory than the 64 MB of a container.\n"
                    "    volumeMounts:\n"
                    "    - name: shared-memory\n"
                    "      mountPath: /dev/shm\n"
                    "  volumes:\n"
                    "  - name: shared-memory\n"
                    "    emptyDir:\n"
                    "      medium: Memory\n");
  }
  return text;
}

std::string replica(const TemplateJob& job, const std::string& kind, int number) {
  return absl::StrCat("    ", kind, ":\n      replicas: ", number,
                      "\n      restartPolicy: Never\n      template:\n",
                      indented(pod(job, "pytorch", variables(job)), 8));
}

}  // namespace

std::string pytorch_job(const TemplateJob& job) {
  const LaunchPlan& plan = job.plan;
  std::string text = absl::StrCat(
      "# Made by `", command_name(),
      " launch --print kubernetes`, for Kubeflow's training operator.\n"
      "# Each pod is a machine, and finds its number and where to meet in what the operator sets.\n"
      "apiVersion: kubeflow.org/v1\n"
      "kind: PyTorchJob\n"
      "metadata:\n"
      "  name: ",
      job.name,
      "\n"
      "spec:\n"
      "  nprocPerNode: \"",
      plan.num_processes,
      "\"\n"
      "  pytorchReplicaSpecs:\n",
      replica(job, "Master", 1));
  if (plan.num_machines > 1) text += replica(job, "Worker", plan.num_machines - 1);
  return text;
}

std::string job_set(const TemplateJob& job) {
  const LaunchPlan& plan = job.plan;
  const std::string machines = absl::StrCat(plan.num_machines);
  const std::string place = absl::StrCat(
      "- name: PET_NODE_RANK\n"
      "  valueFrom:\n"
      "    fieldRef:\n"
      "      fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']\n",
      variable("PET_NNODES", quoted(machines)),
      variable("PET_NPROC_PER_NODE", quoted(absl::StrCat(plan.num_processes))),
      variable(kMainAddressVariable, quoted(absl::StrCat(job.name, "-machines-0-0.", job.name))),
      variable(kMainPortVariable, quoted(absl::StrCat(MeetingPlace().port))));
  return absl::StrCat(
      "# Made by `", command_name(),
      " launch --print jobset`, for Kubernetes with JobSet.\n"
      "# Each pod is a machine, and finds its number and where to meet in its environment.\n"
      "apiVersion: jobset.x-k8s.io/v1alpha2\n"
      "kind: JobSet\n"
      "metadata:\n"
      "  name: ",
      job.name,
      "\n"
      "spec:\n"
      "  replicatedJobs:\n"
      "  - name: machines\n"
      "    replicas: 1\n"
      "    template:\n"
      "      spec:\n"
      "        completionMode: Indexed\n"
      "        completions: ",
      machines,
      "\n"
      "        parallelism: ",
      machines,
      "\n"
      "        backoffLimit: 0\n"
      "        template:\n",
      indented(absl::StrCat(pod(job, "main", place + variables(job)), "  restartPolicy: Never\n"),
               10));
}

}  // namespace accelerate::launcher
