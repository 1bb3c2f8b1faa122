#include "launcher/supervisor/open_file_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "launcher/posix/system_error.h"

namespace accelerate::launcher {

absl::Status make_room_for_files(const OpenFiles& files) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("getrlimit");
  if (files.needed > limit.rlim_max) {
    return absl::FailedPreconditionError(absl::StrCat(
        files.needed, " files must be open at once, and the limit is ", limit.rlim_max,
        "; raise it (ulimit -Hn, or LimitNOFILE of the service), start fewer processes, or leave ",
        "--log_dir and --tee out."));
  }
  const rlim_t wanted = std::min<rlim_t>(std::max(files.needed, files.welcome), limit.rlim_max);
  if (wanted <= limit.rlim_cur) return absl::OkStatus();
  limit.rlim_cur = wanted;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? absl::OkStatus() : system_error("setrlimit");
}

}  // namespace accelerate::launcher
