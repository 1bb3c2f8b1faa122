#include "launcher/env/kubernetes_pod.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/integer.h"
#include "launcher/env/open_number.h"
#include "launcher/env/size_limits.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

constexpr char kPodRank[] = "PET_NODE_RANK";
constexpr char kNumPods[] = "PET_NNODES";
constexpr char kProcessesPerPod[] = "PET_NPROC_PER_NODE";
constexpr char kRemedy[] = "correct the job, or unset PET_NODE_RANK to run outside of it.";

// `4`, or `4:4` of an elastic job that has as many in any case.
absl::StatusOr<int> parse_num_pods(const std::string& text) {
  const std::vector<std::string> bounds = absl::StrSplit(text, ':');
  if (bounds.size() == 2 && bounds[0] != bounds[1]) {
    return absl::UnimplementedError(absl::StrCat(
        kNumPods, "=", text,
        " leaves the number of pods open, but a run needs a fixed number; leave elasticPolicy out "
        "of the PyTorchJob, or make its minReplicas and maxReplicas equal."));
  }
  return parse_integer(
      bounds[0], {.name = kNumPods, .minimum = 1, .maximum = kMostMachines, .remedy = kRemedy});
}

// Otherwise every pod would train by itself, without a word.
absl::Status check_not_elastic(const EnvironmentLookup& lookup) {
  if (!lookup("PET_RDZV_ENDPOINT").has_value() || lookup(kRankVariable).has_value()) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("PET_RDZV_ENDPOINT is set, but ", kPodRank,
                   " is not: this elastic job gives its pods no "
                   "ranks; give the PyTorchJob a Master and leave its elasticPolicy out."));
}

absl::Status read_main(const EnvironmentLookup& lookup, MeetingPlace& main) {
  main.address = lookup(kMainAddressVariable).value_or(main.address);
  const auto port = lookup(kMainPortVariable);
  if (!port.has_value()) return absl::OkStatus();
  const absl::StatusOr<int> value = parse_integer(
      *port, {.name = kMainPortVariable, .minimum = 1, .maximum = 65535, .remedy = kRemedy});
  if (value.ok()) main.port = *value;
  return value.status();
}

}  // namespace

absl::StatusOr<std::optional<KubernetesPod>> read_kubernetes_pod(const EnvironmentLookup& lookup) {
  const auto rank_text = lookup(kPodRank);
  if (lookup(kLocalRankVariable).has_value()) return std::nullopt;
  if (!rank_text.has_value()) {
    const absl::Status status = check_not_elastic(lookup);
    if (!status.ok()) return status;
    return std::nullopt;
  }
  KubernetesPod pod;
  const absl::StatusOr<int> num_pods = parse_num_pods(lookup(kNumPods).value_or("1"));
  if (!num_pods.ok()) return num_pods.status();
  pod.num_pods = *num_pods;
  const absl::StatusOr<int> rank =
      parse_integer(*rank_text, {.name = kPodRank, .maximum = pod.num_pods - 1, .remedy = kRemedy});
  if (!rank.ok()) return rank.status();
  pod.rank = *rank;
  if (const auto processes = lookup(kProcessesPerPod)) {
    pod.num_processes = std::nullopt;
    if (!is_open_number(*processes)) {
      const absl::StatusOr<int> number =
          parse_integer(*processes, {.name = kProcessesPerPod,
                                     .minimum = 1,
                                     .maximum = kMostProcesses / pod.num_pods,
                                     .remedy = kRemedy});
      if (!number.ok()) return number.status();
      pod.num_processes = *number;
    }
  }
  const absl::Status status = read_main(lookup, pod.main);
  if (!status.ok()) return status;
  return pod;
}

}  // namespace accelerate::launcher
