// Collects LibTorch's warnings instead of printing them, for as long as it lives.
//
// Example:
//   const Warnings warnings;
//   optimizer.step();
//   EXPECT_TRUE(warnings.all.empty());
//
// One at a time in a thread. Not for what the library writes to standard error itself.
#pragma once

#include <c10/util/Exception.h>

#include <string>
#include <vector>

namespace accelerate {

class Warnings : public c10::WarningHandler {
 public:
  Warnings() : before_(c10::WarningUtils::get_warning_handler()) {
    c10::WarningUtils::set_warning_handler(this);
  }
  ~Warnings() override { c10::WarningUtils::set_warning_handler(before_); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  void process(const c10::Warning& warning) override { all.push_back(warning.msg()); }

  std::vector<std::string> all;

 private:
  c10::WarningHandler* before_;
};

}  // namespace accelerate
