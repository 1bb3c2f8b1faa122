#include "launcher/cli/mpirun_program.h"

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/posix/command_output.h"

namespace accelerate::launcher {

absl::StatusOr<MpirunOptions> find_mpirun() {
  for (const std::string program : {"mpirun", "mpiexec"}) {
    // From a network's disk the first start may take long.
    const absl::StatusOr<std::string> version =
        command_output({program, "--version"}, {.time_limit = std::chrono::seconds(60)});
    if (absl::IsNotFound(version.status())) continue;
    if (absl::IsInternal(version.status())) {
      return absl::InternalError(
          absl::StrCat(version.status().message(), "; run ", program, " --version to see why."));
    }
    if (!version.ok()) return version.status();
    const bool is_open_mpi =
        absl::StrContains(*version, "Open MPI") || absl::StrContains(*version, "OpenRTE");
    return MpirunOptions{.program = program, .is_open_mpi = is_open_mpi};
  }
  return absl::NotFoundError(
      "mpirun or mpiexec were not found; install Intel MPI, Open MPI or MVAPICH, or leave out "
      "--mpirun_hostfile (mpirun_config in a config file) to start the processes from here.");
}

}  // namespace accelerate::launcher
