// Whether what was read of a checkpoint fits the program that is to go on from it: all that differs
// is found before anything is changed.
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
  // Of what this rank loads.
  Fitting(const LoadOptions& options, int rank) : options_(options), rank_(rank) {}

  // Converts what is of another floating type, and where the options are not strict, completes and
  // cuts what was read, so that the parts can load it.
  void fit_parts(const std::vector<Stateful*>& parts, Document& loaded);
  // The program's own.
  void fit_objects(const std::vector<std::unique_ptr<Stateful>>& objects, const Document& loaded);

  // A line for each thing that does not fit; empty where all does.
  const std::string& problems() const { return problems_; }
  const LoadReport& report() const { return report_; }
  // What stays as it is.
  bool leaves_out_part(const std::string& name) const { return left_out_parts_.contains(name); }
  bool leaves_out_object(const std::string& name) const { return left_out_objects_.contains(name); }

 private:
  void fit_models(State& saved, const State& own);
  void fit_count(const std::string& part, const State& saved, const State& own);
  void fit_groups(State& saved, const State& own);
  void check(const std::string& name, Stateful& part, const State& saved);
  // The same with what this rank has of its own.
  void check_own(const std::string& name, Stateful& part, const Document& loaded,
                 const std::string& key);

  LoadOptions options_;
  int rank_;
  std::string problems_;
  LoadReport report_;
  std::set<std::string> left_out_parts_, left_out_objects_;
};

}  // namespace accelerate::internal
