#include "accelerate/gradients/reducer_state.h"

#include <ATen/MemoryOverlap.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <utility>

#include "accelerate/gradients/sparse_mean.h"
#include "accelerate/gradients/wire_type.h"
#include "accelerate/layout/buckets.h"
#include "accelerate/layout/element_type.h"

namespace accelerate {

using internal::wire_type;

GradientReducer::State::State(Communicator& communicator, std::vector<NamedParameter> parameters,
                              const GradientOptions& options, const GradientNotes& notes)
    : SyncedParameters(communicator, std::move(parameters), options, notes) {
  for (const NamedParameter& parameter : this->parameters()) {
    TORCH_CHECK(
        element_type(c10::toRealValueType(parameter.tensor.scalar_type())), "the parameter `",
        parameter.name, "` is of type ", parameter.tensor.scalar_type(),
        ", whose gradients cannot be averaged over processes; freeze it, or give it another "
        "type");
  }
  make_buckets();
}

void GradientReducer::State::make_buckets() {
  buckets_.clear();
  places_.assign(parameters().size(), kNowhere);
  std::vector<at::Tensor> dense;
  std::vector<size_t> indices;
  for (size_t i = 0; i < parameters().size(); ++i) {
    if (presence().is_sparse(i)) continue;
    dense.push_back(tensor(i));
    indices.push_back(i);
  }
  for (const std::vector<size_t>& members :
       internal::fill_buckets(dense, {options().first_bucket_mb, options().bucket_cap_mb})) {
    const at::Tensor& first = dense[members.front()];
    buckets_.emplace_back(first.scalar_type(), first.device(),
                          wire_type(first.scalar_type(), options().compression));
    for (size_t m = 0; m < members.size(); ++m) {
      places_[indices[members[m]]] = {buckets_.size() - 1, m};
      buckets_.back().add(indices[members[m]], dense[members[m]]);
    }
  }
  // The signal travels in any case.
  if (buckets_.empty() && !empty())
    buckets_.emplace_back(at::kFloat, tensor(0).device(), at::kFloat);
  for (internal::Bucket& bucket : buckets_) bucket.allocate();
}

void GradientReducer::State::on_gradient(size_t parameter) {
  if (!under_way_ || !eager_ || is_nowhere(places_[parameter])) return;
  const size_t bucket = places_[parameter].bucket;
  TORCH_CHECK(bucket >= next_bucket_, "the parameter `", parameters()[parameter].name,
              "` got a second gradient in one backward pass, after the first was sent to the other "
              "processes; set gradients.overlap to false for such a model");
  if (ready_[parameter]) return;
  ready_[parameter] = 1;
  --missing_[bucket];
  while (next_bucket_ < buckets_.size() && missing_[next_bucket_] == 0) {
    // The last bucket carries the signal, which is known when backward has ended.
    if (next_bucket_ + 1 == buckets_.size()) break;
    launch(next_bucket_, /*contributes=*/true);
  }
}

void GradientReducer::State::begin(bool eager) {
  settle();
  restore_hooks();
  eager_ = eager && options().overlap;
  under_way_ = true;
  next_bucket_ = 0;
  pending_.clear();
  held_.clear();
  for (size_t i = 0; i < parameters().size(); ++i) held_.push_back(is_held(i));
  ready_.assign(parameters().size(), 0);
  missing_.clear();
  for (const internal::Bucket& bucket : buckets_) missing_.push_back(bucket.members().size());
}

// For example a view of one buffer for all gradients.
bool GradientReducer::State::is_held(size_t parameter) const {
  const at::Tensor& gradient = tensor(parameter).grad();
  if (!gradient.defined() || !gradient.has_storage()) return false;
  const Place& place = places_[parameter];
  const bool is_ours = !is_nowhere(place) && buckets_[place.bucket].is_slot(place.member, gradient);
  return gradient.use_count() > (is_ours ? 2 : 1) || gradient.storage().use_count() > 1;
}

void GradientReducer::State::abandon() {
  under_way_ = false;
  // What has set off goes on writing, and its gradients are no longer those of one pass.
  for (size_t i = 0; i < pending_.size(); ++i) {
    internal::Bucket& bucket = buckets_[i];
    for (size_t member = 0; member < bucket.members().size(); ++member) {
      at::Tensor& gradient = tensor(bucket.members()[member]).mutable_grad();
      if (bucket.is_slot(member, gradient)) gradient.reset();
    }
    bucket.allocate();
  }
  pending_.clear();
}

void GradientReducer::State::launch(size_t index, bool contributes) {
  internal::Bucket& bucket = buckets_[index];
  std::vector<at::Tensor> gradients(bucket.members().size());
  for (size_t member = 0; contributes && member < gradients.size(); ++member) {
    const size_t i = bucket.members()[member];
    at::Tensor& gradient = tensor(i).mutable_grad();
    if (!gradient.defined()) continue;
    // Averaged by itself when backward has ended.
    if (gradient.is_sparse() && gradient.is_cpu()) continue;
    TORCH_CHECK(gradient.layout() == at::kStrided, "the gradient of `", parameters()[i].name,
                "` is sparse, and only sparse gradients in COO layout on CPUs can be averaged over "
                "processes; make its embedding dense (EmbeddingOptions::sparse(false))");
    check_type(i, gradient);
    gradients[member] = gradient;
  }
  bucket.pack(gradients, communicator().mean_factor());
  if (index + 1 == buckets_.size() && presence().note(contributes)) bucket.raise_signal();
  pending_.push_back(communicator().start_mean(bucket.wire()));
  ++next_bucket_;
}

void GradientReducer::State::finish(bool contributes) {
  if (buckets_.empty()) return;
  if (!under_way_) begin(/*eager=*/false);
  while (next_bucket_ < buckets_.size()) launch(next_bucket_, contributes);
  under_way_ = false;
  for (PendingCollective& each : pending_) each.wait();
  pending_.clear();

  internal::Bucket& last = buckets_.back();
  if (last.device().is_cpu()) {
    take_signal(last.is_signal_raised());
  } else {
    take_signal(last.signal());
  }
  if (contributes) take_means();
  average_alone(contributes);
  end_round();
}

// Makes what has arrived the gradients of those parameters that had one.
void GradientReducer::State::take_means() {
  for (internal::Bucket& bucket : buckets_) {
    bucket.unpack();
    for (size_t member = 0; member < bucket.members().size(); ++member) {
      const size_t i = bucket.members()[member];
      if (presence().is_sparse(i)) continue;
      note_local(i, false);
      if (!(options().find_unused_parameters ? presence().is_anywhere(i) : presence().is_here(i)))
        continue;
      take_mean(i, bucket.slot(member));
    }
  }
}

void GradientReducer::State::take_mean(size_t parameter, const at::Tensor& mean) {
  at::Tensor& gradient = tensor(parameter).mutable_grad();
  if (gradient.is_same(mean)) return;
  warn_of_graph(gradient);
  if (held_[parameter] && gradient.defined() && !gradient.requires_grad() &&
      at::has_internal_overlap(gradient) != at::MemOverlap::Yes) {
    c10::AutoGradMode no_grad(false);
    gradient.copy_(mean);
    note_lone_mean(parameter, gradient);
  } else {
    gradient = mean;
  }
}

// Of gradients that are sparse, and of those that no longer are.
void GradientReducer::State::average_alone(bool contributes) {
  bool moved = false;
  for (size_t i = 0; i < parameters().size(); ++i) {
    const bool sparse = presence().is_sparse(i);
    if (!sparse && !is_nowhere(places_[i])) continue;
    moved = moved || sparse != is_nowhere(places_[i]);
    if (contributes) note_local(i, false);
    if (!presence().is_anywhere(i)) continue;
    const NamedParameter& parameter = parameters()[i];
    at::Tensor& gradient = parameter.tensor.mutable_grad();
    const at::Tensor own = contributes ? gradient : at::Tensor();
    if (own.defined()) check_type(i, own);
    at::Tensor mean;
    if (sparse) {
      mean = internal::sparse_mean(communicator(), parameter, own);
    } else {
      internal::Bucket bucket(parameter.tensor.scalar_type(), parameter.tensor.device(),
                              parameter.tensor.scalar_type());
      bucket.add(i, parameter.tensor);
      bucket.allocate();
      bucket.pack({own}, communicator().mean_factor());
      communicator().start_mean(bucket.wire()).wait();
      mean = bucket.slot(0);
    }
    if (!contributes) continue;
    gradient = mean;
    note_lone_mean(i, mean);
  }
  if (!moved) return;
  keep_means_as_lone();
  make_buckets();
}

std::vector<at::Tensor> GradientReducer::State::travel_memory() const {
  std::vector<at::Tensor> memory;
  for (const internal::Bucket& bucket : buckets_) bucket.list_memory(memory);
  return memory;
}

bool GradientReducer::State::is_mean(size_t parameter) const {
  const at::Tensor& gradient = tensor(parameter).grad();
  if (!gradient.defined()) return false;
  const Place& place = places_[parameter];
  if (!is_nowhere(place) && buckets_[place.bucket].is_slot(place.member, gradient)) return true;
  return is_lone_mean(parameter);
}

}  // namespace accelerate
