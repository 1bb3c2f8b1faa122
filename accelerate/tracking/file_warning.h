// Part of the trackers; not for others. Warns that a tracker's file cannot be written, once until
// it can be written again: a full disk is no reason to end a training.
#pragma once

#include <c10/util/Exception.h>

#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace accelerate::internal {

class FileWarning {
 public:
  // The writing of another file begins.
  void begin() { first_.clear(); }
  // Does what must come before anything that is written later: now, or as soon as it succeeds.
  void write_first(std::function<absl::Status()> write) {
    first_.push_back(std::move(write));
    catch_up();
  }
  // Calls the function, which writes something and returns how that went, unless what must come
  // before still fails.
  template <class Write>
  void write(Write&& write) {
    if (catch_up()) check(write());
  }

 private:
  bool catch_up() {
    while (!first_.empty() && check(first_.front()())) first_.pop_front();
    return first_.empty();
  }
  bool check(const absl::Status& status) {
    if (!status.ok() && !has_warned_)
      TORCH_WARN(
          std::string(status.message()),
          " The training continues; until then, values that it logs are missing from that file");
    has_warned_ = !status.ok();
    return status.ok();
  }

  std::deque<std::function<absl::Status()>> first_;
  bool has_warned_ = false;
};

}  // namespace accelerate::internal
