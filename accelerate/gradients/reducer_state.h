// What a GradientReducer consists of: its buckets, its hooks on the parameters, and what it knows
// about their gradients.
//
// Part of the GradientReducer; not for others.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "accelerate/device/host_copy.h"
#include "accelerate/gradients/bucket.h"
#include "accelerate/gradients/gradient_presence.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/gradients/ready_hook.h"

namespace accelerate {

class GradientReducer::State final : public internal::ReadyHook::Listener,
                                     public std::enable_shared_from_this<State> {
 public:
  State(Communicator& communicator, std::vector<NamedParameter> parameters,
        const GradientOptions& options, const GradientNotes& notes);

  void on_gradient_ready(size_t parameter) override;
  void on_hook_gone(size_t parameter) override { unhooked_[parameter] = hooks_are_gone_ = true; }
  void install_hooks();
  void restore_hooks();
  void begin(bool eager);
  void finish(bool contributes);
  void abandon();
  // See GradientSync.
  void settle();

  std::vector<at::Tensor> travel_memory() const;
  GradientNotes notes();
  void forget_local_gradients();
  int64_t rounds() const { return rounds_; }
  bool is_under_way() const { return under_way_; }
  bool empty() const { return parameters_.empty(); }
  bool has_local_gradients() const;
  bool contains(const at::Tensor& parameter) const {
    return index_of_.contains(parameter.unsafeGetTensorImpl());
  }
  bool is_local(const at::Tensor& parameter) const;
  bool is_mean(const at::Tensor& parameter) const;

 private:
  // Where a parameter's gradient travels.
  struct Place {
    size_t bucket;
    size_t member;
  };
  // Of sparse gradients.
  static constexpr Place kNowhere{std::numeric_limits<size_t>::max(), 0};
  static bool is_nowhere(const Place& place) { return place.bucket == kNowhere.bucket; }

  void make_buckets();
  void install_hook(size_t parameter);
  void on_gradient(size_t parameter);
  void launch(size_t bucket, bool contributes);
  void compare_presence();
  void take_means();
  void average_alone(bool contributes);
  std::unordered_map<size_t, GradientNotes::WeakTensor> means() const;
  bool is_local(size_t parameter) const;
  bool is_mean(size_t parameter) const;

  Communicator& communicator_;
  std::vector<NamedParameter> parameters_;
  GradientOptions options_;
  std::vector<internal::Bucket> buckets_;
  std::vector<Place> places_;
  std::unordered_map<const c10::TensorImpl*, size_t> index_of_;

  // Gradients that were added to since they were last averaged.
  std::vector<char> local_;
  // Parameters without our hook, which cannot tell whether their gradients were.
  std::vector<char> unhooked_;
  bool hooks_are_gone_ = false;
  int64_t rounds_ = 0;
  // Means that lie in no bucket.
  std::unordered_map<size_t, GradientNotes::WeakTensor> lone_means_;
  internal::GradientPresence presence_;
  // Whether some rank's presence differs from what was agreed, until that is settled: of gradients
  // on a GPU.
  std::optional<HostCopy> signal_;

  // ---- One averaging
  bool eager_ = false;
  bool under_way_ = false;
  std::vector<char> ready_;
  std::vector<size_t> missing_;
  size_t next_bucket_ = 0;
  std::vector<PendingCollective> pending_;
};

}  // namespace accelerate
