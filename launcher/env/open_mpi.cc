#include "launcher/env/open_mpi.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/host_list.h"

namespace accelerate::launcher {
namespace {

constexpr char kJobVariable[] = "PMIX_NAMESPACE";
// The addresses of mpirun and of the daemon that started this process, as
// `NUMBER;tcp://10.0.0.1,192.168.0.1:4711;tcp6://[fd00::1]:4711`.
constexpr char kMpirunVariable[] = "OMPI_MCA_orte_hnp_uri";
constexpr char kDaemonVariable[] = "OMPI_MCA_orte_local_daemon_uri";

// FNV-1a: every process gets the same from the same text, on any machine.
uint64_t number_of(const std::string& text) {
  uint64_t number = 0xcbf29ce484222325;
  for (const char character : text) {
    number = (number ^ static_cast<unsigned char>(character)) * 0x100000001b3;
  }
  return number;
}

std::optional<std::string> address_in(const std::string& uri) {
  const std::vector<std::string> parts = absl::StrSplit(uri, ';');
  for (const std::string& part : parts) {
    constexpr char kScheme[] = "tcp://";
    if (!absl::StartsWith(part, kScheme)) continue;
    const std::string addresses = part.substr(sizeof(kScheme) - 1);
    return addresses.substr(0, addresses.find_first_of(",:"));
  }
  return std::nullopt;
}

absl::Status unknown(const std::string& reason) {
  return absl::FailedPreconditionError(
      absl::StrCat(reason, "; pass the host of rank 0 to all, for example with ",
                   "mpirun -x MASTER_ADDR=node-0."));
}

absl::StatusOr<std::string> address_on_several_hosts(const MpiPlace& place,
                                                     const EnvironmentLookup& lookup) {
  if (const auto nodes = lookup("SLURM_JOB_NODELIST")) {
    return first_host("SLURM_JOB_NODELIST", *nodes);
  }
  const std::optional<std::string> mpirun = lookup(kMpirunVariable);
  const std::optional<std::string> address = mpirun.has_value() ? address_in(*mpirun) : mpirun;
  if (!address.has_value()) {
    return unknown("MASTER_ADDR is not set, and mpirun does not tell on which host rank 0 is");
  }
  if (place.rank == 0 && lookup(kDaemonVariable) != mpirun) {
    return unknown(
        absl::StrCat("MASTER_ADDR is not set, and rank 0 is on another host than mpirun (",
                     *address, "), where the others would look for it"));
  }
  return *address;
}

}  // namespace

absl::StatusOr<MeetingPlace> open_mpi_meeting_place(const MpiPlace& place,
                                                    const EnvironmentLookup& lookup) {
  MeetingPlace meeting;
  if (const auto job = lookup(kJobVariable)) meeting.port = job_port(number_of(*job));
  if (place.size == place.local_size) return meeting;
  const absl::StatusOr<std::string> address = address_on_several_hosts(place, lookup);
  if (!address.ok()) return address.status();
  meeting.address = *address;
  return meeting;
}

}  // namespace accelerate::launcher
