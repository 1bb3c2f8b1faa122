#include "launcher/posix/random_secret.h"

#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "launcher/posix/system_error.h"

namespace accelerate::launcher {

absl::StatusOr<std::string> random_secret() {
  char bytes[16];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return system_error("getrandom");
  return absl::BytesToHexString(absl::string_view(bytes, sizeof(bytes)));
}

}  // namespace accelerate::launcher
