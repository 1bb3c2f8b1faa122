// What a step did, operator by operator, as a tape is made from it.
//
//   const std::vector<at::Tensor> inputs = {batch.data, batch.target};
//   Recording recording = record(inputs, step);
//   if (!recording.obstacle) tape.emplace(std::move(recording), inputs);
//
// The step is done as always; what is noted lies below autograd and autocast, so that forward and
// backward pass are one list. Not for work on a GPU, nor for work in other threads, which is not
// noted.
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

// An argument, as it is compared between two recordings.
struct RecordedArgument {
  std::string name;
  std::string text;
};

using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

// An operator, or work of the host.
struct RecordedEntry {
  std::optional<c10::OperatorHandle> op = std::nullopt;
  c10::DispatchKeySet keys = {};
  // Their tensors are the recording's own, over the memory that the step used.
  std::vector<c10::IValue> arguments = {};
  std::vector<c10::IValue> results = {};

  std::function<void()> work = nullptr;
  bool grad_mode = false;
  // A scope that the work opens or closes, as in host_work.h.
  const void* opens = nullptr;
  const void* closes = nullptr;
  // Whether the operator's result, which is a truth value, must be the same in each replay.
  bool must_agree = false;
  // Whether it does nothing but let a replay leave things where the step would.
  bool is_bookkeeping = false;

  std::string name;
  std::vector<RecordedArgument> texts = {};
};

// Memory that the step used.
struct RecordedStorage {
  enum class Kind { kInput, kOutside, kMade };

  Kind kind;
  // Of kInput and of kMade, which.
  size_t index;
  // As in NamedMemory; empty for no name.
  std::string name = {};
  c10::Storage storage;
  // Of `storage`: how many references are the recording's.
  size_t references = 1;
  // Of kMade: the entry whose result it was; whether that left it without values, and whether
  // operators have not written it since.
  size_t made_by = 0;
  bool left_blank = false;
  bool is_blank = false;
  // A blank one that operators used before they had written all of it, and a hash of the values
  // that they then read: it got these on the host.
  bool is_constant = false;
  std::optional<size_t> host_values = std::nullopt;
  // The first entry that used it after that.
  std::optional<size_t> first_use = std::nullopt;
  // Whether an operator writes it.
  bool is_written = false;
  // Of kOutside: whether work of the host has named it before an operator used it.
  bool is_placed = false;
  // The step's own tensors over it: of kOutside those that were arguments, otherwise results.
  std::vector<WeakTensor> tensors = {};
};

// What a later recording of the same step looks at, to find out what the step does on the host.
struct HostTrace {
  KnownGenerators generators = {};
  // Memory from outside, as the step has used it.
  internal::ValueWatch outside = {};
};

// Values of the host that are to be there again before an entry of each replay.
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
  // Why no tape can be made of it.
  std::optional<std::string> obstacle;
};

// Memory that may be another one in each recording.
struct NamedMemory {
  std::string name;
  const c10::StorageImpl* storage;
};

// Changes on the host that no operator makes, such as that of `.grad` by autograd.
class HostObserver {
 public:
  virtual ~HostObserver() = default;
  // Called before each work of the host and at the end: what replays have to do there for what has
  // changed since the last call; null for nothing.
  virtual std::function<void()> changes() = 0;
  // Called there, too: why no replay could do what has changed since the last call; none otherwise.
  virtual std::optional<std::string> obstacle() = 0;
  // Called after each work of the host, which makes changes of its own in each replay: what there
  // is to do then so that further operators find them where they were; null for nothing. Adds the
  // memory that is used from then on.
  virtual std::function<void()> after_work(std::vector<NamedMemory>& named) = 0;
  // Whether nothing but the step works on its memory now, as other threads do while gradients are
  // averaged; and the memory of `.grad`, which later work of the host may read.
  virtual bool is_at_rest() const = 0;
  virtual std::vector<c10::Storage> gradients() const = 0;
};

struct RecordOptions {
  // Null for none; outlives the call.
  HostObserver* observer = nullptr;
  std::vector<NamedMemory> named = {};
  // Of an earlier recording of the step; null for none. Outlives the call.
  const HostTrace* earlier = nullptr;
};

// Calls the step. Throws what it throws.
Recording record(const std::vector<at::Tensor>& inputs, const std::function<void()>& step,
                 const RecordOptions& options = {});

}  // namespace accelerate
