// The parameters whose gradients a GradientSync handles: their hooks, which of their gradients are
// this rank's alone, and whether the ranks agree on which gradients exist. GradientReducer and
// similar classes have this in common.
//
// Part of what syncs gradients; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/device/host_copy.h"
#include "accelerate/gradients/gradient_options.h"
#include "accelerate/gradients/gradient_presence.h"
#include "accelerate/gradients/gradient_sync.h"
#include "accelerate/gradients/ready_hook.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate::internal {

class SyncedParameters : public ReadyHook::Listener,
                         public std::enable_shared_from_this<SyncedParameters> {
 public:
  // See GradientSync. The communicator must outlive this object.
  SyncedParameters(Communicator& communicator, std::vector<NamedParameter> parameters,
                   const GradientOptions& options, const GradientNotes& notes);
  virtual ~SyncedParameters() = default;

  void on_gradient_ready(size_t parameter) override;
  void on_hook_gone(size_t parameter) override { unhooked_[parameter] = hooks_are_gone_ = true; }
  // Call install_hooks() once a shared_ptr owns this object, and restore_hooks() after the program
  // has replaced hooks.
  void install_hooks();
  void restore_hooks();

  bool empty() const { return parameters_.empty(); }
  int64_t rounds() const { return rounds_; }
  void settle();
  GradientNotes notes();
  void forget_local_gradients();
  bool has_local_gradients() const;
  bool is_mean(const at::Tensor& parameter) const;
  StepRight may_step(const at::Tensor& parameter, int64_t stepped_at) const;

 protected:
  // Called when autograd has completed a gradient.
  virtual void on_gradient(size_t parameter) = 0;
  // Whether the parameter has a gradient and it is what the last round left.
  virtual bool is_mean(size_t parameter) const = 0;

  const std::vector<NamedParameter>& parameters() const { return parameters_; }
  std::optional<size_t> find(const at::Tensor& parameter) const;
  const at::Tensor& tensor(size_t parameter) const { return parameters_[parameter].tensor; }
  const GradientOptions& options() const { return options_; }
  Communicator& communicator() { return communicator_; }
  GradientPresence& presence() { return presence_; }

  // Warns once about a gradient that has a graph, which is lost when the gradient is synced.
  static void warn_of_graph(const at::Tensor& gradient);
  // Throws where the gradient is of another type than its parameter, in which it would travel.
  void check_type(size_t parameter, const at::Tensor& gradient) const;
  // Notes whether the parameter's gradient was added to since it was last synced.
  void note_local(size_t parameter, bool is_local) { local_[parameter] = is_local; }
  bool is_local(size_t parameter) const;
  // A lone mean is one that is in none of our memory, so that only this note identifies it.
  bool is_lone_mean(size_t parameter) const;
  void note_lone_mean(size_t parameter, const at::Tensor& mean);
  void keep_means_as_lone();

  // Called when the ranks have told each other whether one of them differs from what was agreed. On
  // a GPU a number says so if it is not 0; the next settle() reads it.
  void take_signal(bool is_raised);
  void take_signal(const at::Tensor& on_gpu);
  void end_round();

 private:
  void install_hook(size_t parameter);
  void compare_presence();

  Communicator& communicator_;
  std::vector<NamedParameter> parameters_;
  GradientOptions options_;
  std::unordered_map<const c10::TensorImpl*, size_t> index_of_;
  // Parameters whose gradients were added to since they were last synced.
  std::vector<char> local_;
  // Parameters without our hook, for which `local_` may be out of date.
  std::vector<char> unhooked_;
  bool hooks_are_gone_ = false;
  int64_t rounds_ = 0;
  std::unordered_map<size_t, GradientNotes::WeakTensor> lone_means_;
  GradientPresence presence_;
  // For gradients on a GPU: whether some rank's presence differs from what was agreed, until
  // settle() reads it.
  std::optional<HostCopy> signal_;
};

}  // namespace accelerate::internal
