// Writes what a step does into a Recording while the step runs.
//
// Part of recording.h; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accelerate/host_work/host_work.h"
#include "accelerate/tape/generator_watch.h"
#include "accelerate/tape/recording.h"
#include "accelerate/tape/value_watch.h"

namespace accelerate::internal {

class Recorder final : public HostWorkRecorder {
 public:
  Recorder(Recording& recording, const std::vector<at::Tensor>& inputs,
           const RecordOptions& options);

  void run(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack);
  void take(std::shared_ptr<HostWork> work) override;
  at::Tensor take_tensor(const char* name, std::vector<std::string> arguments,
                         std::function<at::Tensor()> work) override;
  void on_read(const char* what) override;
  // Not called for the engine's own collectives, which are part of its host work in each replay.
  void on_collective(const char* name) override;
  bool has_values() const override { return true; }

  // Called when the step is over.
  void end();

  bool is_open() const { return !recording_.obstacle.has_value(); }
  void refuse(std::string why) {
    if (is_open()) recording_.obstacle = std::move(why);
  }

  // The recorder of this thread; null while the thread does not record, or runs host work.
  static thread_local Recorder* current;

 private:
  using Values = std::vector<c10::IValue>;

  // Why no tape can hold the tensor; null if one can. check() throws c10::Error with the reason.
  static const char* obstacle_of(const at::Tensor& tensor);
  static void check(const at::Tensor& tensor);
  // Notes the tensors of the value that were not seen before.
  void admit(const c10::IValue& value);
  RecordedStorage* find(const at::Tensor& tensor);
  RecordedStorage& add(const c10::Storage& storage, RecordedStorage::Kind kind, size_t index);
  c10::IValue own(const c10::IValue& value);
  // Called before an operator writes, and before or after it reads.
  void note_uses(const c10::OperatorHandle& op, const Values& arguments);
  void note_use(const at::Tensor& tensor, bool writes, bool covers);
  // Check what the step has done on the host since its operators were noted. Throw c10::Error for
  // anything that no replay would do.
  void check_values(const Values& arguments);
  void check_generators(const c10::OperatorHandle& op, const Values& arguments);
  void note_values(const c10::IValue& value);
  void note_draws(const c10::OperatorHandle& op, const Values& arguments);
  void note_work(bool was_at_rest);
  void observe();
  bool is_at_rest() const { return observer_ == nullptr || observer_->is_at_rest(); }
  // Called once the operator has run.
  void finish(RecordedEntry& entry, const Values& arguments, c10::ArrayRef<c10::IValue> results);
  // For aten::equal, by which LibTorch's attention layers ask whether they got the same tensor
  // twice.
  void finish_comparison(RecordedEntry& entry, const Values& arguments, bool result);
  std::string text_of(const c10::IValue& value);
  std::string text_of(const at::Tensor& tensor);

  Recording& recording_;
  HostObserver* observer_;
  std::unordered_map<const c10::StorageImpl*, std::string> names_;
  std::unordered_set<const c10::StorageImpl*> placed_;
  std::unordered_map<const c10::StorageImpl*, size_t> index_of_;
  size_t made_ = 0;

  // ---- What is done on the host
  GeneratorWatch generators_;
  ValueWatch values_;
  // The values of memory from outside the step that was not used yet.
  ValueWatch outside_;
  std::vector<const c10::StorageImpl*> noted_gradients_;
};

// Sets the recorder of this thread for a scope.
class CurrentRecorder {
 public:
  explicit CurrentRecorder(Recorder* recorder)
      : work_(recorder), before_(std::exchange(Recorder::current, recorder)) {}
  ~CurrentRecorder() { Recorder::current = before_; }
  CurrentRecorder(const CurrentRecorder&) = delete;
  CurrentRecorder& operator=(const CurrentRecorder&) = delete;

 private:
  HostWorkRecorder::Scope work_;
  Recorder* before_;
};

}  // namespace accelerate::internal
