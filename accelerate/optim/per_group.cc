#include "accelerate/optim/per_group.h"

#include <c10/util/Exception.h>

namespace accelerate {

std::vector<double> PerGroup::expand(std::size_t groups, const std::string& option) const {
  TORCH_CHECK(!values_.empty(), option, " has no value. Set it to one number for all ", groups,
              " param groups of the optimizer, or to a list with one for each.");
  if (values_.size() == 1) return std::vector<double>(groups, values_.front());
  TORCH_CHECK(values_.size() == groups, option, " has ", values_.size(),
              " values, but the optimizer has ", groups,
              " param groups. Give one number for all groups, or one for each.");
  return values_;
}

}  // namespace accelerate
