// Part of the trackers; not for others. What a tracker says when its file cannot be written, once
// until it can be again: a full disk is no reason to end a training.
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "absl/status/status.h"

namespace accelerate::internal {

class FileWarning {
 public:
  // Whether it is fine.
  bool check(const absl::Status& status) {
    if (!status.ok() && !has_warned_)
      TORCH_WARN(std::string(status.message()),
                 " The training goes on; until then what it logs is not in that file");
    has_warned_ = !status.ok();
    return status.ok();
  }

 private:
  bool has_warned_ = false;
};

}  // namespace accelerate::internal
