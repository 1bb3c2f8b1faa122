// The trap of a weight that is tied by assignment: after `b->weight = a->weight` the tensor that b
// registered stays in parameters(), though nothing computes with it any more.
#pragma once

#include "accelerate/core/live.h"

namespace accelerate {

struct ModelState;
struct OptimizerState;

// Warns, in one line for the model, of trainable parameters that have no gradient after a backward
// pass and that nothing but the registration and the optimizers refers to.
void warn_about_orphans(const ModelState& model,
                        const internal::LiveList<OptimizerState>& optimizers);

}  // namespace accelerate
