// One-time warnings about how the program uses a model, which the first backward pass reveals.
//
// Part of the backward pass; not for others.
#pragma once

#include "accelerate/engine/live.h"
#include "accelerate/precision/precision.h"

namespace accelerate {

struct ModelState;
struct OptimizerState;

// Warns, in one line for the model, about trainable parameters that have no gradient after a
// backward pass and that nothing but the registration and the optimizers refers to. This catches a
// weight that is tied by assignment: after `b->weight = a->weight`, the tensor that b registered
// remains in parameters(), although nothing computes with it any more.
void warn_about_orphans(const ModelState& model,
                        const internal::LiveList<OptimizerState>& optimizers);

// Warns about a model that is trained in fp32 although the program has another precision, because
// neither the model nor one of `all` that contains it is called through its handle.
void warn_about_full_precision(const ModelState& model, const internal::LiveList<ModelState>& all,
                               const PrecisionTraits& precision);

}  // namespace accelerate
