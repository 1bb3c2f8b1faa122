#include "accelerate/gradients/reducer_state.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/variable.h>

#include <map>
#include <utility>

#include "accelerate/gradients/sparse_mean.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/layout/element_type.h"

namespace accelerate {

using internal::ReadyHook;

namespace {

constexpr double kBytesPerMb = 1024.0 * 1024.0;

c10::ScalarType wire_type(c10::ScalarType type, GradientCompression compression) {
  if (type != at::kFloat || compression == GradientCompression::kNone) return type;
  return compression == GradientCompression::kFp16 ? at::kHalf : at::kBFloat16;
}

}  // namespace

GradientReducer::State::State(Communicator& communicator, std::vector<NamedParameter> parameters,
                              const GradientOptions& options, const GradientNotes& notes)
    : communicator_(communicator),
      parameters_(std::move(parameters)),
      options_(options),
      local_(parameters_.size(), 0),
      unhooked_(parameters_.size(), 0),
      rounds_(notes.rounds),
      presence_(communicator_, parameters_, options.find_unused_parameters) {
  check_gradient_options(options);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    TORCH_CHECK(element_type(c10::toRealValueType(tensor.scalar_type())), "the parameter `",
                parameters_[i].name, "` is of type ", tensor.scalar_type(),
                ", of which several processes cannot average gradients; freeze it, or make it of "
                "another type");
    const c10::TensorImpl* key = tensor.unsafeGetTensorImpl();
    index_of_[key] = i;
    local_[i] = notes.local.contains(key);
    if (const auto mean = notes.means.find(key); mean != notes.means.end())
      lone_means_.emplace(i, mean->second);
  }
  make_buckets();
}

void GradientReducer::State::make_buckets() {
  buckets_.clear();
  places_.assign(parameters_.size(), kNowhere);
  // A bucket is of one type and device; it is closed when it is full.
  std::map<TypeAndDevice, size_t> open;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (presence_.is_sparse(i)) continue;
    const at::Tensor& tensor = parameters_[i].tensor;
    const TypeAndDevice key = type_and_device(tensor);
    if (!open.contains(key)) {
      open[key] = buckets_.size();
      buckets_.emplace_back(tensor.scalar_type(), tensor.device(),
                            wire_type(tensor.scalar_type(), options_.compression));
    }
    const size_t bucket = open[key];
    places_[i] = {bucket, buckets_[bucket].members().size()};
    buckets_[bucket].add(i, tensor);
    const double cap = bucket == 0 ? options_.first_bucket_mb : options_.bucket_cap_mb;
    if (static_cast<double>(buckets_[bucket].bytes()) >= cap * kBytesPerMb) open.erase(key);
  }
  // The signal travels in any case.
  if (buckets_.empty() && !empty())
    buckets_.emplace_back(at::kFloat, parameters_[0].tensor.device(), at::kFloat);
  for (internal::Bucket& bucket : buckets_) bucket.allocate();
}

void GradientReducer::State::install_hooks() {
  for (size_t i = 0; i < parameters_.size(); ++i) install_hook(i);
}

void GradientReducer::State::restore_hooks() {
  if (!hooks_are_gone_) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!unhooked_[i]) continue;
    // What came without our knowledge.
    local_[i] = is_local(i);
    install_hook(i);
  }
  hooks_are_gone_ = false;
}

void GradientReducer::State::install_hook(size_t parameter) {
  const at::Tensor& tensor = parameters_[parameter].tensor;
  std::unique_ptr<torch::autograd::PostAccumulateGradHook> present =
      std::move(torch::autograd::impl::post_acc_grad_hooks(tensor));
  torch::autograd::impl::set_post_acc_grad_hooks(
      tensor, std::make_unique<ReadyHook>(weak_from_this(), parameter,
                                          ReadyHook::still_needed(std::move(present))));
  unhooked_[parameter] = false;
}

void GradientReducer::State::on_gradient_ready(size_t parameter) {
  in_each_replay(
      "gradient that is ready", [parameter](State* state) { state->on_gradient(parameter); }, this);
}

void GradientReducer::State::on_gradient(size_t parameter) {
  local_[parameter] = 1;
  if (!under_way_ || !eager_ || is_nowhere(places_[parameter])) return;
  const size_t bucket = places_[parameter].bucket;
  TORCH_CHECK(bucket >= next_bucket_, "the parameter `", parameters_[parameter].name,
              "` got another gradient in the same backward pass, after its first was sent to the "
              "other processes; set gradients.overlap to false for such a model");
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
  eager_ = eager && options_.overlap;
  under_way_ = true;
  next_bucket_ = 0;
  pending_.clear();
  ready_.assign(parameters_.size(), 0);
  missing_.clear();
  for (const internal::Bucket& bucket : buckets_) missing_.push_back(bucket.members().size());
}

void GradientReducer::State::abandon() {
  under_way_ = false;
  // What has set off goes on writing.
  for (size_t i = 0; i < pending_.size(); ++i) buckets_[i].allocate();
  pending_.clear();
}

void GradientReducer::State::launch(size_t index, bool contributes) {
  internal::Bucket& bucket = buckets_[index];
  std::vector<at::Tensor> gradients(bucket.members().size());
  for (size_t member = 0; contributes && member < gradients.size(); ++member) {
    const size_t i = bucket.members()[member];
    at::Tensor& gradient = parameters_[i].tensor.mutable_grad();
    if (!gradient.defined()) continue;
    // Averaged by itself when backward has ended.
    if (gradient.is_sparse() && gradient.is_cpu()) continue;
    TORCH_CHECK(
        gradient.layout() == at::kStrided, "the gradient of `", parameters_[i].name,
        "` is sparse, which several processes cannot average on GPUs, nor in another layout "
        "than COO; make its embedding dense (EmbeddingOptions::sparse(false))");
    gradients[member] = gradient;
  }
  bucket.pack(gradients, communicator_.mean_factor());
  if (index + 1 == buckets_.size() && presence_.note(contributes)) bucket.raise_signal();
  pending_.push_back(communicator_.start_mean(bucket.wire()));
  ++next_bucket_;
}

void GradientReducer::State::settle() {
  if (!signal_) return;
  const bool raised = signal_->get().item<double>() != 0;
  signal_.reset();
  if (raised) compare_presence();
}

void GradientReducer::State::compare_presence() {
  try {
    presence_.compare();
  } catch (...) {
    // A program that goes on is not to meet this again when others are averaged.
    local_.assign(local_.size(), 0);
    throw;
  }
}

void GradientReducer::State::finish(bool contributes) {
  if (buckets_.empty()) return;
  if (!under_way_) begin(/*eager=*/false);
  while (next_bucket_ < buckets_.size()) launch(next_bucket_, contributes);
  under_way_ = false;
  for (PendingCollective& each : pending_) each.wait();
  pending_.clear();

  if (buckets_.back().device().is_cpu()) {
    if (buckets_.back().is_signal_raised()) compare_presence();
  } else if (options_.find_unused_parameters) {
    TORCH_CHECK(host_has_values(),
                "gradients.find_unused_parameters waits in each step for what the other processes "
                "used, which a captured step on a GPU cannot do; turn it off, or leave this step "
                "uncaptured");
    signal_.emplace(buckets_.back().signal());
    settle();
  } else if (host_has_values()) {
    // A GPU is not waited for: the next averaging begins with it.
    signal_.emplace(buckets_.back().signal());
  }
  if (contributes) take_means();
  average_alone(contributes);
  // Of all reducers, so that none is taken for an earlier one at its address.
  static int64_t rounds = 0;
  rounds_ = ++rounds;
}

// Makes what has arrived the gradients of those parameters that had one.
void GradientReducer::State::take_means() {
  for (internal::Bucket& bucket : buckets_) {
    bucket.unpack();
    for (size_t member = 0; member < bucket.members().size(); ++member) {
      const size_t i = bucket.members()[member];
      if (presence_.is_sparse(i)) continue;
      local_[i] = 0;
      if (!(options_.find_unused_parameters ? presence_.is_anywhere(i) : presence_.is_here(i)))
        continue;
      at::Tensor& gradient = parameters_[i].tensor.mutable_grad();
      if (gradient.defined() && gradient.requires_grad()) {
        TORCH_WARN_ONCE(
            "backward with create_graph: on several processes the averaged gradients have "
            "no graph; take what is to be differentiated once more from "
            "torch::autograd::grad()");
      }
      if (!bucket.is_slot(member, gradient)) gradient = bucket.slot(member);
    }
  }
}

// Of gradients that are sparse, and of those that no longer are.
void GradientReducer::State::average_alone(bool contributes) {
  bool moved = false;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const bool sparse = presence_.is_sparse(i);
    if (!sparse && !is_nowhere(places_[i])) continue;
    moved = moved || sparse != is_nowhere(places_[i]);
    if (contributes) local_[i] = 0;
    if (!presence_.is_anywhere(i)) continue;
    const NamedParameter& parameter = parameters_[i];
    at::Tensor& gradient = parameter.tensor.mutable_grad();
    const at::Tensor own = contributes ? gradient : at::Tensor();
    at::Tensor mean;
    if (sparse) {
      mean = internal::sparse_mean(communicator_, parameter, own);
    } else {
      internal::Bucket bucket(parameter.tensor.scalar_type(), parameter.tensor.device(),
                              parameter.tensor.scalar_type());
      bucket.add(i, parameter.tensor);
      bucket.allocate();
      bucket.pack({own}, communicator_.mean_factor());
      communicator_.start_mean(bucket.wire()).wait();
      mean = bucket.slot(0);
    }
    if (!contributes) continue;
    gradient = mean;
    lone_means_.insert_or_assign(i, GradientNotes::WeakTensor(mean.getIntrusivePtr()));
  }
  if (!moved) return;
  lone_means_ = means();
  make_buckets();
}

std::vector<at::Tensor> GradientReducer::State::travel_memory() const {
  std::vector<at::Tensor> memory;
  for (const internal::Bucket& bucket : buckets_) bucket.list_memory(memory);
  return memory;
}

GradientNotes GradientReducer::State::notes() {
  settle();
  GradientNotes result;
  result.rounds = rounds_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (is_local(i)) result.local.insert(parameters_[i].tensor.unsafeGetTensorImpl());
  }
  for (const auto& [i, mean] : means())
    result.means.emplace(parameters_[i].tensor.unsafeGetTensorImpl(), mean);
  return result;
}

std::unordered_map<size_t, GradientNotes::WeakTensor> GradientReducer::State::means() const {
  std::unordered_map<size_t, GradientNotes::WeakTensor> result;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (is_mean(i)) result.emplace(i, parameters_[i].tensor.grad().getIntrusivePtr());
  }
  return result;
}

void GradientReducer::State::forget_local_gradients() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (is_local(i)) parameters_[i].tensor.mutable_grad().reset();
    local_[i] = 0;
  }
}

bool GradientReducer::State::has_local_gradients() const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    // One that the program has zeroed since is none.
    if (is_local(i) && parameters_[i].tensor.grad().defined()) return true;
  }
  return false;
}

bool GradientReducer::State::is_local(size_t parameter) const {
  if (local_[parameter]) return true;
  if (!unhooked_[parameter]) return false;
  return parameters_[parameter].tensor.grad().defined() && !is_mean(parameter);
}

bool GradientReducer::State::is_mean(size_t parameter) const {
  const at::Tensor& gradient = parameters_[parameter].tensor.grad();
  if (!gradient.defined()) return false;
  const Place& place = places_[parameter];
  if (!is_nowhere(place) && buckets_[place.bucket].is_slot(place.member, gradient)) return true;
  const auto alone = lone_means_.find(parameter);
  return alone != lone_means_.end() &&
         alone->second._unsafe_get_target() == gradient.unsafeGetTensorImpl();
}

bool GradientReducer::State::is_local(const at::Tensor& parameter) const {
  const auto found = index_of_.find(parameter.unsafeGetTensorImpl());
  return found != index_of_.end() && is_local(found->second);
}

bool GradientReducer::State::is_mean(const at::Tensor& parameter) const {
  const auto found = index_of_.find(parameter.unsafeGetTensorImpl());
  return found != index_of_.end() && !local_[found->second] && is_mean(found->second);
}

}  // namespace accelerate
