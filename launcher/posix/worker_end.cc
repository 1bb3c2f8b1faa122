#include "launcher/posix/worker_end.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

std::string describe(const WorkerEnd& end) {
  if (!end.by_signal) return absl::StrCat("exited with code ", end.code);
  return absl::StrCat("was killed by signal ", end.code, " (", signal_name(end.code), ", ",
                      strsignal(end.code), ")");
}

std::string signal_name(int signal) {
  const char* abbreviation = sigabbrev_np(signal);
  if (abbreviation == nullptr) return absl::StrCat("signal ", signal);
  return absl::StrCat("SIG", abbreviation);
}

}  // namespace accelerate::launcher
