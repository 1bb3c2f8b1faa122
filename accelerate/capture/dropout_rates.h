// The rates of dropout that a recorded step has taken over from modules, so that another one is
// noticed before a replay.
//
//   DropoutRates rates(modules);
//   if (!rates.are_as_noted()) record_anew();
//
// Of LibTorch's own layers. Part of StepKinds; not for others.
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
  // Of these and of what they consist of. One that no shared_ptr owns must outlive the rates.
  explicit DropoutRates(const std::vector<std::shared_ptr<torch::nn::Module>>& modules);

  bool are_as_noted() const;

 private:
  struct Rate {
    // Whose member `place` is, and whether a shared_ptr owns it.
    std::weak_ptr<const torch::nn::Module> module;
    bool is_owned;
    const double* place;
    double value;
  };
  std::vector<Rate> rates_;
};

}  // namespace accelerate
