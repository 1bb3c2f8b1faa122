// Averages a model's gradients over the ranks, bucket by bucket, while the backward pass goes on.
//
//   GradientReducer reducer(communicator, flat.parameters(), {.bucket_cap_mb = 25});
//   reducer.begin(/*eager=*/true);
//   loss.backward();     // each bucket that is full sets off, in the same order on every rank
//   reducer.finish();    // `.grad` is the mean over the ranks
//
// Gradients add up locally in backward passes without begin(); the next finish() averages the sum.
// A parameter without a gradient on every rank is left without one. Where some ranks have one and
// others don't, finish() throws c10::Error with the parameter's name on every rank: such a step
// would silently train different models. On GPUs, where that would have to wait for the device, the
// next begin() throws it. With `find_unused_parameters` it is the mean, with zeros for the others.
//
// Afterwards `.grad` lies in the bucket's memory. A program may keep such a tensor: the next
// averaging then takes new memory. A sparse gradient, of which only the rows that are there travel
// when backward has ended, stays one; on GPUs it is refused. Not for one process, which has nothing
// to average. For one thread, besides autograd's own.
//
// The scheme is that of PyTorch's DistributedDataParallel (Li et al., VLDB 2020).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate {

enum class GradientCompression { kNone, kFp16, kBf16 };

struct GradientOptions {
  // How much of the gradients one collective carries. The first bucket is small, so that the
  // network has work early.
  double bucket_cap_mb = 25;
  double first_bucket_mb = 1;
  // The type in which fp32 gradients travel. Between hosts and on GPUs they are added up in it,
  // too; in shared memory in fp32, and rounded once.
  GradientCompression compression = GradientCompression::kNone;
  // Buckets set off while backward goes on. To be turned off for a model whose parameters get their
  // gradients in several steps of one backward pass, as with activation checkpoints.
  bool overlap = true;
  // Processes may use different parameters in a step: the mean takes zeros for those without a
  // gradient, and a parameter that none has used is left alone. Then each step compares what was
  // used where it differs; on a GPU each step waits for that, and cannot be captured.
  bool find_unused_parameters = false;
};

// Throws c10::Error when an option makes no sense.
void check_gradient_options(const GradientOptions& options);

// What a reducer knows about the gradients that are there, for one that takes its place.
struct GradientNotes {
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

  // By parameter: those whose gradient is of this rank alone, and the means of the others.
  std::unordered_set<const c10::TensorImpl*> local;
  std::unordered_map<const c10::TensorImpl*, WeakTensor> means;
  int64_t averagings = 0;
};

class GradientReducer {
 public:
  // Parameters in about the order in which backward finishes their gradients, the same on all
  // ranks; all of them trainable leaves. The communicator outlives the reducer. Throws c10::Error
  // when an option makes no sense, or for a type of which nothing can be averaged.
  GradientReducer(Communicator& communicator, std::vector<NamedParameter> parameters,
                  const GradientOptions& options, const GradientNotes& notes = {});
  // The parameters' hooks do nothing from then on.
  ~GradientReducer();

  // A backward pass begins whose gradients are to be averaged. Not `eager`: every bucket waits for
  // finish().
  void begin(bool eager);
  // Sends what is left and waits for all of it. Collective.
  void finish();
  // Takes part in one averaging of the other ranks, without a gradient of its own. Collective.
  void shadow();
  // After an exception in the backward pass: nothing is averaged.
  void abandon();
  // While a step is recorded for a GPU, ranks do not compare what parameters have a gradient, for
  // which the host would have to read. Called before, it makes sure that they agree. Collective.
  void set_recording(bool recording);

  // Takes its place again where the program has set a post-accumulate hook of its own, which is
  // called before. begin() does so, too; for a backward pass without it.
  void restore_hooks();
  // For the reducer that is made in this one's place. Collective where a GPU still has to tell
  // whether the ranks agreed.
  GradientNotes notes();

  // A number for the last averaging; 0 before the first.
  int64_t averagings() const;
  // Whether a backward pass has begun whose gradients other threads may be averaging.
  bool is_under_way() const;
  // Whether it has no parameters.
  bool empty() const;
  // Whether gradients have been added up that are not averaged yet.
  bool has_local_gradients() const;
  // Leaves the parameters of those without a gradient.
  void forget_local_gradients();
  // Whether the parameter is of this reducer; whether its gradient is such a local one; or the very
  // tensor that the last averaging left.
  bool contains(const at::Tensor& parameter) const;
  bool is_local(const at::Tensor& parameter) const;
  bool is_mean(const at::Tensor& parameter) const;

 private:
  class Engine;
  std::shared_ptr<Engine> engine_;
};

}  // namespace accelerate
