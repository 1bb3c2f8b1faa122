// The dropout rates that a recorded step has taken from modules, so that a change is noticed before
// a replay.
//
//   DropoutRates rates(modules);
//   if (!rates.are_as_noted()) record_anew();
//
// Covers LibTorch's own layers. Part of StepKinds; not for others.
#pragma once

#include <memory>
#include <vector>

namespace torch::nn {
class Module;
}

namespace accelerate {

class DropoutRates {
 public:
  DropoutRates() = default;
  // Notes the rates of these modules and their submodules. A module that no shared_ptr owns must
  // outlive this object.
  explicit DropoutRates(const std::vector<std::shared_ptr<torch::nn::Module>>& modules);

  bool are_as_noted() const;

 private:
  struct Rate {
    // The module whose member `place` points to, and whether a shared_ptr owns it.
    std::weak_ptr<const torch::nn::Module> module;
    bool is_owned;
    const double* place;
    double value;
  };
  std::vector<Rate> rates_;
};

}  // namespace accelerate
