// All learning-rate schedulers at once; each also has its own header.
//
//   #include "accelerate/optim/schedulers.h"
//   accelerate::StepLR scheduler(sgd, {.step_size = 30});
//
// When not to use it: in a file that names only one of them.
#pragma once

#include "accelerate/optim/cosine_decay.h"          // IWYU pragma: export
#include "accelerate/optim/lambda_lr.h"             // IWYU pragma: export
#include "accelerate/optim/linear_decay.h"          // IWYU pragma: export
#include "accelerate/optim/one_cycle.h"             // IWYU pragma: export
#include "accelerate/optim/reduce_lr_on_plateau.h"  // IWYU pragma: export
#include "accelerate/optim/scheduler.h"             // IWYU pragma: export
#include "accelerate/optim/step_lr.h"               // IWYU pragma: export
