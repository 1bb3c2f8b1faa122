// Every optimizer, with values at which each of its options has an effect.
//
// Example:
//   for_all_optimizers([]<class Rule>(const OptimizerCase<Rule>& each) {
//     OptimizerRun<float> run(67, 0.25);
//     optimizer_step(each.options, 1, 1, run.arrays<Rule>(each.present, 67));
//   });
//
// Not for what an optimizer calculates: see its own test.
#pragma once

#include "kernels/optimizer/rules/adagrad.h"
#include "kernels/optimizer/rules/adam.h"
#include "kernels/optimizer/rules/lion.h"
#include "kernels/optimizer/rules/rmsprop.h"
#include "kernels/optimizer/rules/sgd.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {

template <class Rule>
struct OptimizerCase {
  typename Rule::Options options;
  PresentState present;
};

void for_all_optimizers(auto function) {
  for (const bool amsgrad : {false, true}) {
    for (const bool decoupled : {false, true}) {
      function(OptimizerCase<Adam>{.options = {.lr = 0.1,
                                               .beta1 = 0.8,
                                               .beta2 = 0.9,
                                               .eps = 0.05,
                                               .weight_decay = 0.3,
                                               .decoupled_weight_decay = decoupled},
                                   .present = {true, true, amsgrad}});
    }
  }
  for (const SgdOptions& options :
       {SgdOptions{.lr = 0.1},
        SgdOptions{.lr = 0.1, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.3},
        SgdOptions{.lr = 0.1, .momentum = 0.8, .weight_decay = 0.3, .nesterov = true}}) {
    function(OptimizerCase<Sgd>{options, {options.momentum != 0}});
  }
  for (const bool momentum : {false, true}) {
    for (const bool centered : {false, true}) {
      function(OptimizerCase<RmsProp>{.options = {.lr = 0.1,
                                                  .alpha = 0.9,
                                                  .eps = 0.05,
                                                  .weight_decay = 0.3,
                                                  .momentum = momentum ? 0.7 : 0},
                                      .present = {true, momentum, centered}});
    }
  }
  for (const AdagradOptions& options :
       {AdagradOptions{.lr = 0.1},
        AdagradOptions{.lr = 0.1, .lr_decay = 0.5, .weight_decay = 0.3, .eps = 0.05}}) {
    function(OptimizerCase<Adagrad>{options, {true}});
  }
  for (const LionOptions& options :
       {LionOptions{.lr = 0.1},
        LionOptions{.lr = 0.1, .beta1 = 0.6, .beta2 = 0.8, .weight_decay = 0.3}}) {
    function(OptimizerCase<Lion>{options, {true}});
  }
}

}  // namespace accelerate::kernels
