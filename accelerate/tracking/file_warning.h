// Part of the trackers; not for others. Warns that a tracker's file cannot be written, once until
// it can be written again: a full disk is no reason to end a training.
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "absl/status/status.h"

namespace accelerate::internal {

class FileWarning {
 public:
  // Warns if the status is not OK; returns whether it is.
  bool check(const absl::Status& status) {
    if (!status.ok() && !has_warned_)
      TORCH_WARN(
          std::string(status.message()),
          " The training continues; until then, values that it logs are missing from that file");
    has_warned_ = !status.ok();
    return status.ok();
  }

 private:
  bool has_warned_ = false;
};

}  // namespace accelerate::internal
