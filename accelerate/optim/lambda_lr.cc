#include "accelerate/optim/lambda_lr.h"

#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <utility>

namespace accelerate {

LambdaLR::LambdaLR(torch::optim::Optimizer& optimizer, RateFactor factor)
    : LambdaLR(optimizer, std::move(factor), "LambdaLR") {}

LambdaLR::LambdaLR(torch::optim::Optimizer& optimizer, RateFactor factor, std::string kind)
    : Scheduler(optimizer, std::move(kind)), factors_(groups().size(), std::move(factor)) {
  TORCH_CHECK(factors_.front(), "LambdaLR: the function is empty. Pass one that can be called.");
  start();
}

LambdaLR::LambdaLR(torch::optim::Optimizer& optimizer, std::vector<RateFactor> factors)
    : Scheduler(optimizer, "LambdaLR"), factors_(std::move(factors)) {
  TORCH_CHECK(factors_.size() == groups().size(), "LambdaLR: got ", factors_.size(),
              " functions for ", groups().size(),
              " param groups. Pass one function for all groups, or one for each.");
  for (std::size_t i = 0; i < factors_.size(); ++i) {
    TORCH_CHECK(factors_[i], "LambdaLR: the function of param group ", i,
                " is empty. Pass one that can be called.");
  }
  start();
}

std::vector<double> LambdaLR::next_rates(int64_t epoch) const {
  std::vector<double> rates = initial_rates();
  // A loaded state may be of an optimizer that had more groups by then.
  TORCH_CHECK(rates.size() == factors_.size(), "LambdaLR: there are functions for ",
              factors_.size(), " param groups, but the optimizer has ", rates.size(),
              ". Add all param groups before you construct the scheduler.");
  for (std::size_t i = 0; i < rates.size(); ++i) rates[i] *= factors_[i](epoch);
  return rates;
}

}  // namespace accelerate
