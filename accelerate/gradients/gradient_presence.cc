#include "accelerate/gradients/gradient_presence.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace accelerate::internal {

GradientPresence::GradientPresence(Communicator& communicator,
                                   const std::vector<NamedParameter>& parameters, bool find_unused)
    : communicator_(communicator),
      parameters_(parameters),
      find_unused_(find_unused),
      agreed_(parameters.size(), kDense),
      noted_(parameters.size(), kNone) {}

bool GradientPresence::note(bool contributes) {
  for (size_t i = 0; i < noted_.size(); ++i) {
    const at::Tensor& gradient = parameters_[i].tensor.grad();
    noted_[i] = !contributes           ? kAbsent
                : !gradient.defined()  ? kNone
                : gradient.is_sparse() ? kSparse
                                       : kDense;
  }
  return contributes && noted_ != agreed_;
}

void GradientPresence::compare() {
  const std::vector<std::string> all = communicator_.all_gather_bytes(noted_);
  std::string on_some, of_two_kinds;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto count = [&all, i](char kind) {
      return std::count_if(all.begin(), all.end(),
                           [i, kind](const std::string& each) { return each[i] == kind; });
    };
    const auto dense = count(kDense), sparse = count(kSparse), none = count(kNone);
    agreed_[i] = sparse > 0 ? kSparse : dense > 0 ? kDense : kNone;
    const std::string name = "`" + parameters_[i].name + "`";
    if (dense > 0 && sparse > 0) {
      of_two_kinds += (of_two_kinds.empty() ? "" : ", ") + name;
    } else if (dense + sparse > 0 && none > 0) {
      on_some += (on_some.empty() ? "" : ", ") + name + " (on " + std::to_string(dense + sparse) +
                 " of " + std::to_string(dense + sparse + none) + " processes)";
    }
  }
  TORCH_CHECK(of_two_kinds.empty(), "these parameters have a sparse gradient on some processes ",
              "and a dense one on others: ", of_two_kinds,
              "; use them in the same way on every process");
  TORCH_CHECK(
      find_unused_ || on_some.empty(),
      "these parameters have a gradient on some processes only: ", on_some,
      "; if that is intended, set gradients.find_unused_parameters to true, which averages "
      "zeros for a process that has no gradient; otherwise use the same parameters on every "
      "process, or freeze the unused ones on all");
}

}  // namespace accelerate::internal
