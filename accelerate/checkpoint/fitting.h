// Checks whether what was read from a checkpoint fits the program that will continue from it. All
// differences are found before anything changes.
//
// Part of the Checkpointer; not for others.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "accelerate/checkpoint/checkpoint_options.h"
#include "accelerate/checkpoint/document.h"
#include "accelerate/state/stateful.h"

namespace accelerate::internal {

class Fitting {
 public:
  // Checks what rank `rank` loads.
  Fitting(const LoadOptions& options, int rank) : options_(options), rank_(rank) {}

  // Converts tensors of another floating-point type. If the options are not strict, adds to
  // `loaded` what it lacks and removes what the program lacks, so that the parts can load it.
  void fit_parts(const std::vector<Stateful*>& parts, Document& loaded);
  // The same check for the program's own objects.
  void fit_objects(const std::vector<std::unique_ptr<Stateful>>& objects, const Document& loaded);

  // A line for each thing that does not fit; empty if everything does.
  const std::string& problems() const { return problems_; }
  const LoadReport& report() const { return report_; }
  // Whether the program's part, or object, of this name stays unchanged.
  bool leaves_out_part(const std::string& name) const { return left_out_parts_.contains(name); }
  bool leaves_out_object(const std::string& name) const { return left_out_objects_.contains(name); }

 private:
  void fit_models(State& saved, const State& own);
  void fit_count(const std::string& part, const State& saved, const State& own);
  void fit_groups(State& saved, const State& own);
  void check(const std::string& name, Stateful& part, const State& saved);
  // The same for what this rank keeps for itself.
  void check_own(const std::string& name, Stateful& part, const Document& loaded,
                 const std::string& key);

  LoadOptions options_;
  int rank_;
  std::string problems_;
  LoadReport report_;
  std::set<std::string> left_out_parts_, left_out_objects_;
};

}  // namespace accelerate::internal
