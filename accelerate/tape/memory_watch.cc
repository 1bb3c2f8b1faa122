#include "accelerate/tape/memory_watch.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace accelerate {
namespace {

using Kind = RecordedStorage::Kind;

constexpr const char* kReplaced =
    "something that the step uses was replaced by the program, such as the parameters of a module "
    "that was not prepared";
constexpr const char* kReplacedGenerator =
    "a random generator that the step draws from was replaced by the program";
constexpr const char* kKept =
    "the program holds a tensor that an earlier call has left, such as a gradient, and that a "
    "replay would overwrite; hold a clone() of it instead";
constexpr const char* kAssigned =
    "a variable that the step assigns has been assigned elsewhere since, such as by a call with "
    "another kind of inputs, so a replay would not change it; return the value from the step";

// How many references to a storage are those of tapes. One may lie behind another: what a batch
// leaves, the next batch of its window adds to.
using TapeReferences = std::unordered_map<const c10::StorageImpl*, std::weak_ptr<size_t>>;

TapeReferences& tape_references() {
  thread_local TapeReferences all;
  return all;
}

std::shared_ptr<size_t> references_by_tapes(const c10::StorageImpl* storage) {
  std::weak_ptr<size_t>& known = tape_references()[storage];
  std::shared_ptr<size_t> count = known.lock();
  if (count == nullptr) known = count = std::make_shared<size_t>(0);
  return count;
}

}  // namespace

MemoryWatch::~MemoryWatch() {
  for (Watched& each : watched_) {
    *each.by_tapes -= each.own;
    if (each.by_tapes.use_count() == 1) tape_references().erase(each.storage._unsafe_get_target());
  }
}

MemoryWatch::MemoryWatch(const Recording& recording) {
  for (const RecordedStorage& each : recording.storages) {
    const size_t holders = each.storage.use_count();
    const size_t of_recording = each.references + (each.kind == Kind::kInput ? 1 : 0);
    // Nobody else's, as a number in an expression.
    if (holders <= of_recording) continue;
    auto by_tapes = references_by_tapes(each.storage.unsafeGetStorageImpl());
    const size_t own = of_recording + *by_tapes;
    Watched watched{.storage = each.storage.getWeakStorageImpl(),
                    // What has a name is looked after by those who gave it.
                    .is_checked = each.name.empty() && holders > own,
                    .is_outside = each.kind == Kind::kOutside,
                    .others = holders - std::min(own, holders),
                    .by_tapes = std::move(by_tapes)};
    for (const WeakTensor& tensor : each.tensors) {
      if (tensor.expired()) continue;
      if (!watched.is_outside) {
        watched.left.push_back({tensor});
        continue;
      }
      watched.read.push_back({tensor, TensorPlace(*tensor._unsafe_get_target())});
    }
    watched_.push_back(std::move(watched));
  }
  for (const auto& [impl, known] : recording.trace.generators) {
    // LibTorch's own stays, and other threads may hold it for a moment.
    if (known.generator != at::detail::getDefaultCPUGenerator())
      generators_.push_back({WatchedGenerator::Weak(known.generator.getIntrusivePtr())});
  }
}

void MemoryWatch::begin(const std::vector<at::Tensor>& parameters) {
  for (Watched& each : watched_) {
    const size_t holders = each.storage.use_count();
    each.own = holders - std::min(holders, each.others + *each.by_tapes);
    *each.by_tapes += each.own;
    for (const at::Tensor& parameter : parameters) {
      const at::Tensor& gradient = parameter.grad();
      if (each.is_outside || !gradient.defined() || !gradient.has_storage()) continue;
      if (gradient.storage().unsafeGetStorageImpl() != each.storage._unsafe_get_target()) continue;
      std::erase_if(each.left, [&](const Left& left) {
        return left.tensor._unsafe_get_target() == gradient.unsafeGetTensorImpl();
      });
      each.left.push_back({WeakTensor(gradient.getIntrusivePtr()), 0, parameter});
    }
    for (Left& left : each.left) {
      left.references = left.tensor.use_count();
      if (left.parameter.defined()) --left.references;
    }
  }
  for (WatchedGenerator& each : generators_) each.references = each.generator.use_count();
}

bool MemoryWatch::is_as_it_was(const Read& read) {
  return !read.tensor.expired() && read.place.is_of(*read.tensor._unsafe_get_target());
}

size_t MemoryWatch::expected_references(const Left& left) {
  const bool is_gradient =
      left.parameter.defined() &&
      left.parameter.grad().unsafeGetTensorImpl() == left.tensor._unsafe_get_target();
  return left.references + (is_gradient ? 1 : 0);
}

bool MemoryWatch::is_held_by_more(const Left& left) {
  return left.tensor.use_count() > expected_references(left);
}

bool MemoryWatch::is_held_by_fewer(const Left& left) {
  return left.tensor.use_count() < expected_references(left);
}

std::string MemoryWatch::kept() { return kKept; }

std::optional<std::string> MemoryWatch::change() const {
  for (const WatchedGenerator& each : generators_) {
    if (each.generator.use_count() < each.references) return kReplacedGenerator;
  }
  for (const Watched& each : watched_) {
    if (!each.is_checked) continue;
    const size_t holders = each.storage.use_count();
    if (each.is_outside) {
      if (holders <= *each.by_tapes ||
          !std::all_of(each.read.begin(), each.read.end(), is_as_it_was))
        return kReplaced;
    } else if (holders > *each.by_tapes + each.others ||
               std::any_of(each.left.begin(), each.left.end(), is_held_by_more)) {
      return kKept;
    } else if (std::any_of(each.left.begin(), each.left.end(), is_held_by_fewer)) {
      return kAssigned;
    }
  }
  return std::nullopt;
}

}  // namespace accelerate
