#include "accelerate/gradients/gradient_reducer.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "accelerate/device/host_copy.h"
#include "accelerate/gradients/bucket.h"
#include "accelerate/tape/recorded_call.h"

namespace accelerate {
namespace {

constexpr double kBytesPerMb = 1024.0 * 1024.0;

c10::ScalarType wire_type(c10::ScalarType type, GradientCompression compression) {
  if (type != at::kFloat || compression == GradientCompression::kNone) return type;
  return compression == GradientCompression::kFp16 ? at::kHalf : at::kBFloat16;
}

// Called by autograd when a parameter's gradient is complete.
class ReadyHook : public torch::autograd::PostAccumulateGradHook {
 public:
  ReadyHook(std::function<void()> ready, std::unique_ptr<PostAccumulateGradHook> next)
      : ready_(std::move(ready)), next_(std::move(next)) {}

  void operator()(const at::Tensor& parameter) override {
    if (next_) (*next_)(parameter);
    ready_();
  }
  // Of whoever set one before us: a tensor has room for one hook.
  std::unique_ptr<PostAccumulateGradHook> take_next() { return std::move(next_); }

 private:
  std::function<void()> ready_;
  std::unique_ptr<PostAccumulateGradHook> next_;
};

}  // namespace

class GradientReducer::Engine : public std::enable_shared_from_this<Engine> {
 public:
  Engine(Communicator& communicator, std::vector<NamedParameter> parameters,
         const GradientOptions& options);

  void install_hooks();
  void on_gradient(size_t parameter);
  void begin(bool eager);
  void finish(bool contributes);
  void abandon();
  void set_recording(bool recording);

  void forget_local_gradients();
  int64_t averagings() const { return averagings_; }
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

  void launch(size_t bucket, bool contributes);
  void settle_presence();
  void compare_presence();
  void take_means();
  std::string presence() const;

  Communicator& communicator_;
  std::vector<NamedParameter> parameters_;
  bool overlap_;
  std::vector<internal::Bucket> buckets_;
  std::vector<Place> places_;
  std::unordered_map<const c10::TensorImpl*, size_t> index_of_;

  // Gradients that were added to since they were last averaged.
  std::vector<char> local_;
  int64_t averagings_ = 0;
  // Which parameters all ranks had a gradient of ('1') or none ('0') when they last compared.
  std::string agreed_;
  // The same of this rank in the last averaging ('-' where it took part without any), and whether
  // some rank's differs, until that is settled: of gradients on a GPU.
  std::string present_;
  std::optional<HostCopy> signal_;

  bool recording_ = false;

  // ---- One averaging
  bool eager_ = false;
  bool under_way_ = false;
  std::vector<char> ready_;
  std::vector<size_t> missing_;
  size_t next_bucket_ = 0;
  std::vector<PendingCollective> pending_;
};

GradientReducer::Engine::Engine(Communicator& communicator, std::vector<NamedParameter> parameters,
                                const GradientOptions& options)
    : communicator_(communicator),
      parameters_(std::move(parameters)),
      overlap_(options.overlap),
      local_(parameters_.size(), 0),
      agreed_(parameters_.size(), '1') {
  check_gradient_options(options);
  // A bucket is of one type and device; it is closed when it is full.
  std::map<TypeAndDevice, size_t> open;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    const TypeAndDevice key = type_and_device(tensor);
    if (!open.contains(key)) {
      open[key] = buckets_.size();
      buckets_.emplace_back(tensor.scalar_type(), tensor.device(),
                            wire_type(tensor.scalar_type(), options.compression));
    }
    const size_t bucket = open[key];
    places_.push_back({bucket, buckets_[bucket].members().size()});
    buckets_[bucket].add(i, tensor);
    index_of_[tensor.unsafeGetTensorImpl()] = i;
    const double cap = bucket == 0 ? options.first_bucket_mb : options.bucket_cap_mb;
    if (static_cast<double>(buckets_[bucket].bytes()) >= cap * kBytesPerMb) open.erase(key);
  }
  for (internal::Bucket& bucket : buckets_) bucket.allocate();
}

void GradientReducer::Engine::install_hooks() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    std::unique_ptr<torch::autograd::PostAccumulateGradHook> next;
    if (auto& present = torch::autograd::impl::post_acc_grad_hooks(tensor)) {
      auto* ours = dynamic_cast<ReadyHook*>(present.get());
      next = ours != nullptr ? ours->take_next() : std::move(present);
    }
    auto ready = [engine = weak_from_this(), i] {
      if (const auto alive = engine.lock()) {
        in_each_replay(
            "gradient that is ready", [i](Engine* engine) { engine->on_gradient(i); }, alive.get());
      }
    };
    torch::autograd::impl::set_post_acc_grad_hooks(
        tensor, std::make_unique<ReadyHook>(std::move(ready), std::move(next)));
  }
}

void GradientReducer::Engine::on_gradient(size_t parameter) {
  local_[parameter] = 1;
  if (!under_way_ || !eager_) return;
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

void GradientReducer::Engine::begin(bool eager) {
  settle_presence();
  eager_ = eager && overlap_;
  under_way_ = true;
  next_bucket_ = 0;
  pending_.clear();
  ready_.assign(parameters_.size(), 0);
  missing_.clear();
  for (const internal::Bucket& bucket : buckets_) missing_.push_back(bucket.members().size());
}

void GradientReducer::Engine::abandon() {
  under_way_ = false;
  // What has set off goes on writing.
  for (size_t i = 0; i < pending_.size(); ++i) buckets_[i].allocate();
  pending_.clear();
}

void GradientReducer::Engine::set_recording(bool recording) {
  settle_presence();
  recording_ = recording;
}

void GradientReducer::Engine::launch(size_t index, bool contributes) {
  internal::Bucket& bucket = buckets_[index];
  std::vector<at::Tensor> gradients(bucket.members().size());
  for (size_t member = 0; contributes && member < gradients.size(); ++member) {
    const size_t i = bucket.members()[member];
    at::Tensor& gradient = parameters_[i].tensor.mutable_grad();
    if (!gradient.defined()) continue;
    TORCH_CHECK(gradient.layout() == at::kStrided, "the gradient of `", parameters_[i].name,
                "` is sparse, which several processes cannot average; make its embedding dense "
                "(EmbeddingOptions::sparse(false))");
    gradients[member] = gradient;
  }
  bucket.pack(gradients, communicator_.mean_factor());
  if (index + 1 == buckets_.size()) {
    present_ = contributes ? presence() : std::string(parameters_.size(), '-');
    if (contributes && present_ != agreed_) bucket.raise_signal();
  }
  pending_.push_back(communicator_.start_mean(bucket.wire()));
  ++next_bucket_;
}

// '1' for each parameter with a gradient, '0' for each without.
std::string GradientReducer::Engine::presence() const {
  std::string result;
  for (const NamedParameter& parameter : parameters_) {
    result.push_back(parameter.tensor.grad().defined() ? '1' : '0');
  }
  return result;
}

void GradientReducer::Engine::settle_presence() {
  if (!signal_) return;
  const bool raised = signal_->get().item<double>() != 0;
  signal_.reset();
  if (raised) compare_presence();
}

// When a rank had other gradients than were agreed, which all ranks learn from the signal.
void GradientReducer::Engine::compare_presence() {
  const std::vector<std::string> all = communicator_.all_gather_bytes(present_);
  std::string names;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    int with = 0, without = 0;
    for (const std::string& each : all) {
      with += each[i] == '1';
      without += each[i] == '0';
    }
    if (with > 0 && without > 0) {
      names += (names.empty() ? "`" : ", `") + parameters_[i].name + "` (on " +
               std::to_string(with) + " of " + std::to_string(with + without) + " processes)";
    }
    agreed_[i] = with > 0 ? '1' : '0';
  }
  TORCH_CHECK(names.empty(), "these parameters have a gradient on some processes only: ", names,
              "; every process must use the same parameters in a step: add the unused ones to the "
              "loss with a factor of 0, or freeze them on all");
}

void GradientReducer::Engine::finish(bool contributes) {
  if (buckets_.empty()) return;
  if (!under_way_) begin(/*eager=*/false);
  while (next_bucket_ < buckets_.size()) launch(next_bucket_, contributes);
  under_way_ = false;
  for (PendingCollective& each : pending_) each.wait();
  pending_.clear();

  if (buckets_.back().device().is_cpu()) {
    if (buckets_.back().is_signal_raised()) compare_presence();
  } else if (!recording_) {
    // A GPU is not waited for: the next averaging begins with it.
    signal_.emplace(buckets_.back().signal());
  }
  if (contributes) take_means();
  // Of all reducers, so that none is taken for an earlier one at its address.
  static int64_t averagings = 0;
  averagings_ = ++averagings;
}

// Makes what has arrived the gradients of those parameters that had one.
void GradientReducer::Engine::take_means() {
  for (internal::Bucket& bucket : buckets_) {
    bucket.unpack();
    for (size_t member = 0; member < bucket.members().size(); ++member) {
      const size_t i = bucket.members()[member];
      local_[i] = 0;
      if (present_[i] == '0') continue;
      at::Tensor& gradient = parameters_[i].tensor.mutable_grad();
      if (gradient.requires_grad()) {
        TORCH_WARN_ONCE(
            "backward with create_graph: on several processes the averaged gradients have "
            "no graph; take what is to be differentiated once more from "
            "torch::autograd::grad()");
      }
      if (!bucket.is_slot(member, gradient)) gradient = bucket.slot(member);
    }
  }
}

void GradientReducer::Engine::forget_local_gradients() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (local_[i]) parameters_[i].tensor.mutable_grad().reset();
    local_[i] = 0;
  }
}

bool GradientReducer::Engine::has_local_gradients() const {
  for (const char local : local_) {
    if (local) return true;
  }
  return false;
}

bool GradientReducer::Engine::is_local(const at::Tensor& parameter) const {
  const auto found = index_of_.find(parameter.unsafeGetTensorImpl());
  return found != index_of_.end() && local_[found->second];
}

bool GradientReducer::Engine::is_mean(const at::Tensor& parameter) const {
  const auto found = index_of_.find(parameter.unsafeGetTensorImpl());
  if (found == index_of_.end() || local_[found->second]) return false;
  const Place& place = places_[found->second];
  return buckets_[place.bucket].is_slot(place.member, parameter.grad());
}

void check_gradient_options(const GradientOptions& options) {
  TORCH_CHECK(options.bucket_cap_mb > 0 && options.first_bucket_mb > 0,
              "gradients: bucket_cap_mb is ", options.bucket_cap_mb, " and first_bucket_mb ",
              options.first_bucket_mb, "; give positive numbers, as a rule 25 and 1");
}

GradientReducer::GradientReducer(Communicator& communicator, std::vector<NamedParameter> parameters,
                                 const GradientOptions& options)
    : engine_(std::make_shared<Engine>(communicator, std::move(parameters), options)) {
  engine_->install_hooks();
}
GradientReducer::~GradientReducer() = default;

void GradientReducer::begin(bool eager) { engine_->begin(eager); }
void GradientReducer::finish() { engine_->finish(/*contributes=*/true); }
void GradientReducer::shadow() { engine_->finish(/*contributes=*/false); }
void GradientReducer::abandon() { engine_->abandon(); }
void GradientReducer::set_recording(bool recording) { engine_->set_recording(recording); }
void GradientReducer::forget_local_gradients() { engine_->forget_local_gradients(); }
int64_t GradientReducer::averagings() const { return engine_->averagings(); }
bool GradientReducer::empty() const { return engine_->empty(); }
bool GradientReducer::is_mean(const at::Tensor& parameter) const {
  return engine_->is_mean(parameter);
}
bool GradientReducer::has_local_gradients() const { return engine_->has_local_gradients(); }
bool GradientReducer::contains(const at::Tensor& parameter) const {
  return engine_->contains(parameter);
}
bool GradientReducer::is_local(const at::Tensor& parameter) const {
  return engine_->is_local(parameter);
}

}  // namespace accelerate
