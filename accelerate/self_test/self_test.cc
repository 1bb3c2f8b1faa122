// Checks on this machine that processes find one another and that training on them works: what
// `accelerate test` launches.
//
//   bazel run //accelerate/self_test:accelerate-self-test -- --num_processes=2
//
// Prints a line for each check, and ends with exit code 1 when one failed.
#include <torch/torch.h>

#include <chrono>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "accelerate/accelerate.h"
#include "accelerate/process/cuda.h"
#include "accelerate/self_test/collectives_check.h"
#include "accelerate/self_test/data_check.h"
#include "accelerate/self_test/process_group_check.h"
#include "accelerate/self_test/report.h"
#include "accelerate/self_test/training_check.h"
#include "launcher/plan/machine.h"

namespace accelerate::self_test {
namespace {

template <class S>
void run_checks(const std::string& remarks) {
  using Full = Accelerator<S, Fp32>;
  using Half = Accelerator<S, Fp16>;
  using BFloat = Accelerator<S, Bf16>;
  Full full;
  Report report(full, std::cout);
  const auto run = [&]<class A>(const std::string& name, A& accelerator,
                                void (*check)(A&, Findings&)) {
    report.run(name, [&](Findings& found) { check(accelerator, found); });
  };

  run("process group: " + describe_process_group(full) + remarks, full, check_process_group<Full>);
  run("gather: equal and unequal sizes", full, check_gather<Full>);
  run("reduce: sum, mean, max and min", full, check_reduce<Full>);
  run("broadcast: from the first and the last rank", full, check_broadcast<Full>);
  run("pad_across_processes: behind and in front", full, check_padding<Full>);

  run("data shards: each sample once", full, check_shards<Full>);
  Full uneven({.even_batches = false});
  run("data shards: each sample once without even_batches", uneven, check_uneven_shards<Full>);

  run(absl::StrCat("training in fp32: equals one process within ", kTrainingTolerance), full,
      check_training<Full>);
  BFloat bfloat;
  run("training in bf16: the loss falls", bfloat, check_mixed_precision<BFloat>);
  Half half;
  run("training in fp16: the loss falls", half, check_mixed_precision<Half>);
  run("overflow in fp16: skips the step and halves the scale", half, check_overflow<Half>);
  report.finish();
}

// The precision that it was launched in shows that launch flags and config files arrive; the checks
// go through all of them in any case.
template <class S, class P>
void check_machine(Accelerator<S, P>& /*launched*/) {
  std::string remarks;
  if (P::traits != Fp32::traits)
    absl::StrAppend(&remarks, ", launched in ", std::string(P::traits.name));
  // A success says nothing of the GPUs then.
  if (!cuda::in_build() && launcher::read_machine().num_gpus > 0)
    absl::StrAppend(&remarks, ", built without CUDA");
  run_checks<S>(remarks);
}

}  // namespace
}  // namespace accelerate::self_test

// Long enough for machines that start one after the other, and no longer than somebody waits for a
// test that hangs.
ACCELERATE_MAIN(accelerate::self_test::check_machine,
                {.process_group = {.timeout = std::chrono::minutes(2)}})
