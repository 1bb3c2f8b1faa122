#include "accelerate/capture/tape_replay.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "accelerate/capture/gradient_observer.h"
#include "accelerate/tape/memory_watch.h"
#include "accelerate/tape/recording.h"
#include "accelerate/tape/recording_summary.h"
#include "accelerate/tape/tape.h"

namespace accelerate {
namespace {

class TapeReplay final : public Replay {
 public:
  explicit TapeReplay(const TapedParts& parts) : parts_(parts) {}

  RecordingAttempt record(const std::vector<at::Tensor>& recorded,
                          const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call) override;
  std::optional<std::string> prepare() override;
  void replay(const std::vector<at::Tensor>&, const std::vector<at::Tensor>& inputs) override {
    try {
      tape_->replay(inputs);
    } catch (...) {
      parts_.models.abandon_sync();
      throw;
    }
  }

 private:
  TapedParts parts_;
  std::optional<RecordingSummary> first_;
  std::unique_ptr<Tape> tape_;

  // ---- What must be as it was
  std::vector<const void*> addresses_;
  // Of the gradients that were there when the step began, those that it works on.
  std::vector<FormerGradient> gradients_;
  int64_t ended_joins_ = 0;
  std::optional<MemoryWatch> watch_;
  PlacedGradients placed_;
};

std::vector<size_t> written_inputs(const Recording& recording) {
  std::vector<size_t> written;
  for (const RecordedStorage& each : recording.storages) {
    if (each.kind == RecordedStorage::Kind::kInput && each.is_written)
      written.push_back(each.index);
  }
  return written;
}

bool lies_in(const at::Tensor& tensor, const c10::StorageImpl* storage) {
  return tensor.defined() && tensor.has_storage() &&
         tensor.storage().unsafeGetStorageImpl() == storage;
}

// A recording works on copies of its inputs: what is written to their memory by another name does
// not reach these.
void check_writes_besides(const Recording& recording, const std::vector<at::Tensor>& inputs) {
  for (const RecordedStorage& each : recording.storages) {
    if (each.kind != RecordedStorage::Kind::kOutside || !each.is_written) continue;
    for (size_t i = 0; i < inputs.size(); ++i) {
      TORCH_CHECK(
          !lies_in(inputs[i], each.storage.unsafeGetStorageImpl()),
          "a captured step also writes the memory of its input ", i,
          " through another tensor, so what this call has done may be wrong; pass a clone() "
          "of the input");
    }
  }
}

RecordingAttempt TapeReplay::record(const std::vector<at::Tensor>& recorded,
                                    const std::vector<at::Tensor>& inputs,
                                    const std::function<void()>& call) {
  parts_.models.restore_layout();
  GradientObserver observer(parts_.models, parts_.optimizers);
  RecordOptions options{.observer = &observer, .earlier = first_ ? &first_->trace() : nullptr};
  std::vector<FormerGradient> before;
  for (size_t i = 0; i < observer.parameters().size(); ++i) {
    const at::Tensor& parameter = observer.parameters()[i];
    const at::Tensor& gradient = parameter.grad();
    if (!has_values(gradient)) continue;
    options.named.push_back(observer.name(i));
    before.push_back({parameter, TensorPlace(gradient)});
  }
  const std::vector<const void*> addresses = parts_.models.addresses();
  Recording recording = accelerate::record(recorded, call, options);
  RecordingAttempt attempt{
      .is_done = true, .written = written_inputs(recording), .obstacle = recording.obstacle};
  check_writes_besides(recording, inputs);
  if (attempt.obstacle) return attempt;
  if (!first_) {
    first_.emplace(recording);
    return attempt;
  }
  attempt.obstacle = first_->difference(recording);
  if (attempt.obstacle) return attempt;
  std::unordered_set<const c10::StorageImpl*> placed;
  for (const RecordedStorage& each : recording.storages) {
    if (each.is_placed) placed.insert(each.storage.unsafeGetStorageImpl());
  }
  // What an older one holds is not held by the program.
  watch_.reset();
  tape_.reset();
  watch_.emplace(recording);
  tape_ = std::make_unique<Tape>(std::move(recording), recorded);
  watch_->begin(observer.parameters());
  placed_.clear();
  for (const auto& each : observer.placed()) {
    each->is_needed = tape_->uses(each->place.storage());
    if (each->is_needed) placed_.push_back(each);
  }
  gradients_.clear();
  for (FormerGradient& each : before) {
    const auto* storage = each.place.storage();
    if (tape_->uses(storage) && !placed.contains(storage)) gradients_.push_back(std::move(each));
  }
  addresses_ = addresses;
  ended_joins_ = parts_.uneven_inputs.ended();
  attempt.is_ready = true;
  return attempt;
}

std::optional<std::string> TapeReplay::prepare() {
  parts_.models.restore_layout();
  if (parts_.models.addresses() != addresses_ || parts_.uneven_inputs.ended() != ended_joins_)
    return "parameters or buffers have moved";
  const bool same_gradients = std::all_of(
      gradients_.begin(), gradients_.end(),
      [](const FormerGradient& each) { return each.place.is_of(each.parameter.grad()); });
  if (!same_gradients) return "it begins with other gradients than when it was recorded";
  if (std::any_of(placed_.begin(), placed_.end(), [](const auto& each) { return each->is_kept(); }))
    return MemoryWatch::kept();
  return watch_->change();
}

}  // namespace

ReplayFactory tape_replays(const TapedParts& parts) {
  return {.make = [parts] { return std::make_unique<TapeReplay>(parts); },
          .take_windows = true,
          .compare = true};
}

}  // namespace accelerate
