// What a step did, operator by operator; a tape is made from it.
//
//   const std::vector<at::Tensor> inputs = {batch.data, batch.target};
//   Recording recording = record(inputs, step);
//   if (!recording.obstacle) tape.emplace(std::move(recording), inputs);
//
// The step runs normally; operators are recorded below autograd and autocast, so that forward and
// backward pass form one list. Not for work on a GPU, nor for work in other threads, which is not
// recorded.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/core/Storage.h>
#include <c10/util/intrusive_ptr.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/tape/generator_watch.h"
#include "accelerate/tape/value_watch.h"

namespace accelerate {

// An argument in the form in which two recordings are compared.
struct RecordedArgument {
  std::string name;
  std::string text;
};

using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

// An operator, or host work.
struct RecordedEntry {
  std::optional<c10::OperatorHandle> op = std::nullopt;
  c10::DispatchKeySet keys = {};
  // Their tensors belong to the recording, and use the memory that the step used.
  std::vector<c10::IValue> arguments = {};
  std::vector<c10::IValue> results = {};

  std::function<void()> work = nullptr;
  bool grad_mode = false;
  // The scope that the work opens or closes; see host_work.h.
  const void* opens = nullptr;
  const void* closes = nullptr;
  // Whether the operator's result, a bool, must be the same in each replay.
  bool must_agree = false;
  // Whether its only purpose is that a replay leaves things where the step would leave them.
  bool is_bookkeeping = false;

  std::string name;
  std::vector<RecordedArgument> texts = {};
};

// A block of memory that the step used.
struct RecordedStorage {
  enum class Kind { kInput, kOutside, kMade };

  Kind kind;
  // For kInput and kMade: which one.
  size_t index;
  // As in NamedMemory; empty if it has none.
  std::string name = {};
  c10::Storage storage;
  // How many references to `storage` belong to the recording.
  size_t references = 1;
  // For kMade: the entry whose result it was, whether that entry left it without values, and
  // whether operators have not written it since.
  size_t made_by = 0;
  bool left_blank = false;
  bool is_blank = false;
  // Whether operators used a blank one before they had written all of it, and a hash of the values
  // that they read, which the host had written.
  bool is_constant = false;
  std::optional<size_t> host_values = std::nullopt;
  // The first entry that used it afterwards.
  std::optional<size_t> first_use = std::nullopt;
  // Whether an operator writes it.
  bool is_written = false;
  // For kOutside: whether host work has named it before an operator used it.
  bool is_placed = false;
  // The step's own tensors that use it: arguments for kOutside, otherwise results.
  std::vector<WeakTensor> tensors = {};
};

// What a later recording of the same step examines, to find out what the step does on the host.
struct HostTrace {
  KnownGenerators generators = {};
  // Memory from outside the step, as the step has used it.
  internal::ValueWatch outside = {};
};

// Values that the host has written, and that each replay restores before an entry.
struct RecordedRestore {
  size_t before;
  c10::Storage storage;
  std::string bytes;
};

struct Recording {
  std::vector<RecordedEntry> entries;
  std::vector<RecordedStorage> storages;
  std::vector<RecordedRestore> restores;
  HostTrace trace;
  // Why no tape can be made of it; std::nullopt if one can.
  std::optional<std::string> obstacle;
};

// Memory that may differ from recording to recording.
struct NamedMemory {
  std::string name;
  const c10::StorageImpl* storage;
};

// Observes changes on the host that no operator makes, such as those of `.grad` by autograd.
class HostObserver {
 public:
  virtual ~HostObserver() = default;
  // Called before each host work and at the end: returns what replays must do there because of
  // changes since the last call; null for nothing.
  virtual std::function<void()> changes() = 0;
  // Also called there: returns why no replay could reproduce the changes since the last call;
  // std::nullopt if one can.
  virtual std::optional<std::string> obstacle() = 0;
  // Called after each host work, which makes its own changes in each replay: returns what to do
  // then, so that later operators find things where they were; null for nothing. Adds the memory
  // that is used from then on.
  virtual std::function<void()> after_work(std::vector<NamedMemory>& named) = 0;
  // Whether only the step uses its memory now, which is not so while other threads average
  // gradients; and the memory of `.grad`, which later host work may read.
  virtual bool is_at_rest() const = 0;
  virtual std::vector<c10::Storage> gradients() const = 0;
};

struct RecordOptions {
  // May be null; must outlive the call.
  HostObserver* observer = nullptr;
  std::vector<NamedMemory> named = {};
  // The trace of an earlier recording of the step; may be null, and must outlive the call.
  const HostTrace* earlier = nullptr;
};

// Calls the step and records it. Throws what the step throws.
Recording record(const std::vector<at::Tensor>& inputs, const std::function<void()>& step,
                 const RecordOptions& options = {});

}  // namespace accelerate
