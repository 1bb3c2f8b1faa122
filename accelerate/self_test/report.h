// Runs the checks of this machine on all ranks at once, and writes a line about each.
//
// Example:
//   Report report(accelerator, std::cout);
//   report.run("gather: equal and unequal sizes",
//              [&](Findings& found) { check_gather(accelerator, found); });
//   report.finish();
//
// writes on the main process
//
//   // gather: equal and unequal sizes ............................ ok
//
// or `FAILED: rank 1: ` and what that rank expected and saw. All ranks run the same checks in the
// same order, and all learn the result of each one. The checks themselves are in the *_check.h
// files, as functions of an Accelerator and Findings.
#pragma once

#include <torch/torch.h>

#include <ostream>
#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/self_test/findings.h"
#include "accelerate/self_test/report_line.h"

namespace accelerate::self_test {

template <class A>
class Report {
 public:
  // Both must outlive the report.
  Report(A& accelerator, std::ostream& out) : accelerator_(accelerator), out_(out) {}

  // Calls `check(Findings&)` and writes its line. If the check throws c10::Error, throws one that
  // also has the name of the check, because the ranks are then out of step.
  template <class Check>
  void run(const std::string& name, Check&& check) {
    Findings found;
    try {
      check(found);
    } catch (const c10::Error& error) {
      TORCH_CHECK(false,
                  report_line(name, accelerator_.process_index(), error.what_without_backtrace()));
    }
    ++checks_;
    const auto [rank, problem] = first_problem(found.first());
    if (!problem.empty()) ++failures_;
    if (accelerator_.is_main_process()) out_ << report_line(name, rank, problem) << std::endl;
  }

  // Throws c10::Error on all ranks if a check failed, and on a rank whose lines could not be
  // written.
  void finish() const {
    TORCH_CHECK(failures_ == 0, failures_, " of ", checks_,
                " checks failed; the lines marked FAILED say what is wrong on which rank");
    TORCH_CHECK(out_.good(), "the results could not be written; see to where the output goes");
  }

 private:
  struct RankProblem {
    int rank = 0;
    std::string problem;
  };

  // Returns the problem of the lowest rank that has one, on every rank.
  RankProblem first_problem(const std::string& mine) {
    const int64_t size = static_cast<int64_t>(mine.size());
    const at::Tensor sizes = accelerator_.gather(torch::tensor({size})).cpu();
    const at::Tensor with_problem = sizes.nonzero();
    // Reports what this rank saw even if the collectives are broken.
    if (with_problem.size(0) == 0) return {accelerator_.process_index(), mine};
    const int64_t rank = with_problem[0].template item<int64_t>();
    at::Tensor bytes = torch::zeros({sizes[rank].template item<int64_t>()}, torch::kByte);
    if (rank == accelerator_.process_index()) {
      bytes = torch::tensor(std::vector<uint8_t>(mine.begin(), mine.end()), torch::kByte);
    }
    bytes = accelerator_.broadcast(bytes, static_cast<int>(rank)).cpu();
    return {static_cast<int>(rank),
            std::string(static_cast<const char*>(bytes.const_data_ptr()), bytes.numel())};
  }

  A& accelerator_;
  std::ostream& out_;
  int checks_ = 0;
  int failures_ = 0;
};

}  // namespace accelerate::self_test
