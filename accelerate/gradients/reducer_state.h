// The state of a GradientReducer: its buckets, and what is travelling.
//
// Part of the GradientReducer; not for others.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "accelerate/gradients/bucket.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/gradients/synced_parameters.h"

namespace accelerate {

class GradientReducer::State final : public internal::SyncedParameters {
 public:
  State(Communicator& communicator, std::vector<NamedParameter> parameters,
        const GradientOptions& options, const GradientNotes& notes);

  using SyncedParameters::is_mean;
  void begin(bool eager);
  void finish(bool contributes);
  void abandon();

  std::vector<at::Tensor> travel_memory() const;
  bool is_under_way() const { return under_way_; }

 private:
  // The bucket in which a parameter's gradient travels, and its index there.
  struct Place {
    size_t bucket;
    size_t member;
  };
  // For sparse gradients, which are in no bucket.
  static constexpr Place kNowhere{std::numeric_limits<size_t>::max(), 0};
  static bool is_nowhere(const Place& place) { return place.bucket == kNowhere.bucket; }

  void on_gradient(size_t parameter) override;
  bool is_mean(size_t parameter) const override;
  void make_buckets();
  void launch(size_t bucket, bool contributes);
  bool is_held(size_t parameter) const;
  void take_means();
  // Makes a mean the parameter's gradient.
  void take_mean(size_t parameter, const at::Tensor& mean);
  void average_alone(bool contributes);

  std::vector<internal::Bucket> buckets_;
  std::vector<Place> places_;

  // ---- One averaging
  bool eager_ = false;
  bool under_way_ = false;
  // By parameter: whether the program holds what was its gradient before the pass, so that it also
  // expects the mean there.
  std::vector<char> held_;
  std::vector<char> ready_;
  std::vector<size_t> missing_;
  size_t next_bucket_ = 0;
  std::vector<PendingCollective> pending_;
};

}  // namespace accelerate
