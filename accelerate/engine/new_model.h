// What the first backward pass through a model shows about how the program uses it: warnings that
// come once.
//
// Part of the backward pass; not for others.
#pragma once

#include "accelerate/engine/live.h"
#include "accelerate/precision/precision.h"

namespace accelerate {

struct ModelState;
struct OptimizerState;

// Warns, in one line for the model, of trainable parameters that have no gradient after a backward
// pass and that nothing but the registration and the optimizers refers to. That is the trap of a
// weight that is tied by assignment: after `b->weight = a->weight` the tensor that b registered
// stays in parameters(), though nothing computes with it any more.
void warn_about_orphans(const ModelState& model,
                        const internal::LiveList<OptimizerState>& optimizers);

// Warns of a model that is trained in fp32 although the program has another precision, because it
// is neither called through its handle nor a part of one of `all` that is.
void warn_about_full_precision(const ModelState& model, const internal::LiveList<ModelState>& all,
                               const PrecisionTraits& precision);

}  // namespace accelerate
