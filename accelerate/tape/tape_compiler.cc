#include "accelerate/tape/tape_compiler.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "accelerate/tape/out_form.h"
#include "accelerate/tape/values.h"

namespace accelerate::internal {
namespace {

using Kind = RecordedStorage::Kind;

const c10::DispatchKeySet kCpu(c10::DispatchKey::CPU);

// Copies its first argument into new memory, perhaps of another type or layout.
bool is_copy(const c10::OperatorHandle& op) {
  return op.schema().name() == "aten::clone" || op.schema().name() == "aten::_to_copy";
}

class Compiler {
 public:
  explicit Compiler(Recording& recording) : recording_(recording) {
    for (size_t i = 0; i < recording.storages.size(); ++i)
      index_of_[recording.storages[i].storage.unsafeGetStorageImpl()] = i;
    uses_.resize(recording.storages.size());
    is_taken_.resize(recording.storages.size());
  }

  CompiledTape compile();

 private:
  // Of an instruction, by its place.
  struct Uses {
    std::optional<size_t> first;
    size_t last;
  };

  size_t index_of(const at::Tensor& tensor) const {
    return index_of_.at(tensor.storage().unsafeGetStorageImpl());
  }
  void note_uses(const std::vector<c10::IValue>& values);
  void add_operator(size_t place);
  // Whether the operator leaves all memory as it was: its results are views, or blank.
  bool does_nothing(size_t place) const;
  bool made_here(const at::Tensor& tensor, size_t place) const;
  void add(Instruction instruction) { compiled_.instructions.push_back(std::move(instruction)); }
  void plan_storages();

  Recording& recording_;
  CompiledTape compiled_;
  std::unordered_map<const c10::StorageImpl*, size_t> index_of_;
  std::vector<Uses> uses_;
  // Whose memory is that of an operator's result, new in each replay.
  std::vector<char> is_taken_;
};

void Compiler::note_uses(const std::vector<c10::IValue>& values) {
  const size_t now = compiled_.instructions.size();
  for (const c10::IValue& value : values) {
    for_each_tensor(value, [&](const at::Tensor& tensor) {
      Uses& uses = uses_[index_of(tensor)];
      if (!uses.first) uses.first = now;
      uses.last = now;
    });
  }
}

bool Compiler::made_here(const at::Tensor& tensor, size_t place) const {
  const RecordedStorage& known = recording_.storages[index_of(tensor)];
  return known.kind == Kind::kMade && known.made_by == place;
}

bool Compiler::does_nothing(size_t place) const {
  const RecordedEntry& entry = recording_.entries[place];
  if (entry.op->hasTag(at::Tag::inplace_view)) return true;
  if (writes_arguments(*entry.op)) return false;
  bool only_views = !entry.results.empty();
  for (const c10::IValue& result : entry.results) {
    for_each_tensor(result, [&](const at::Tensor& tensor) {
      const bool is_blank = recording_.storages[index_of(tensor)].left_blank;
      only_views = only_views && (is_blank || !made_here(tensor, place));
    });
  }
  return only_views;
}

void Compiler::add_operator(size_t place) {
  RecordedEntry& entry = recording_.entries[place];
  if (!entry.must_agree && does_nothing(place)) return;
  Instruction instruction{.op = *entry.op, .keys = entry.keys, .arguments = entry.arguments};
  if (entry.must_agree) {
    instruction.expected = entry.results[0].toBool();
  } else if (is_copy(*entry.op)) {
    instruction.op = c10::Dispatcher::singleton().findSchemaOrThrow("aten::copy_", "");
    instruction.keys = kCpu;
    instruction.arguments = {entry.results[0], entry.arguments[0], false};
  } else if (const auto form = writes_arguments(*entry.op) ? std::nullopt : out_form(*entry.op)) {
    instruction.op = *form;
    instruction.keys = kCpu;
    for (const c10::IValue& result : entry.results) instruction.arguments.push_back(result);
  } else {
    std::unordered_set<size_t> seen;
    for (const c10::IValue& result : entry.results) {
      for_each_tensor(result, [&](const at::Tensor& tensor) {
        const size_t index = index_of(tensor);
        const bool takes = made_here(tensor, place) && seen.insert(index).second;
        if (takes) is_taken_[index] = true;
        instruction.takes.push_back(takes ? tensor.storage().unsafeGetStorageImpl() : nullptr);
      });
    }
    if (seen.empty()) instruction.takes.clear();
  }
  note_uses(entry.arguments);
  note_uses(entry.results);
  add(std::move(instruction));
}

void Compiler::plan_storages() {
  for (size_t i = 0; i < recording_.storages.size(); ++i) {
    RecordedStorage& each = recording_.storages[i];
    c10::StorageImpl* storage = each.storage.unsafeGetStorageImpl();
    const size_t own = each.references + (each.kind == Kind::kInput ? 1 : 0);
    const bool is_held = each.storage.use_count() > own;
    if (is_held) compiled_.held.insert(storage);
    const Uses& uses = uses_[i];
    if (is_held || each.kind != Kind::kMade || each.is_constant || !uses.first) continue;
    if (is_taken_[i]) {
      compiled_.instructions[uses.last].releases.push_back(storage);
    } else if (storage->nbytes() > 0) {
      compiled_.planned.push_back({storage,
                                   {.bytes = static_cast<int64_t>(storage->nbytes()),
                                    .first = static_cast<int64_t>(*uses.first),
                                    .last = static_cast<int64_t>(uses.last)}});
    }
  }
}

CompiledTape Compiler::compile() {
  size_t next_restore = 0;
  std::stable_sort(recording_.restores.begin(), recording_.restores.end(),
                   [](const auto& left, const auto& right) { return left.before < right.before; });
  for (size_t place = 0; place < recording_.entries.size(); ++place) {
    for (; next_restore < recording_.restores.size() &&
           recording_.restores[next_restore].before == place;
         ++next_restore) {
      RecordedRestore& restore = recording_.restores[next_restore];
      add({.work = [storage = restore.storage, bytes = std::move(restore.bytes)] {
        std::memcpy(storage.mutable_data(), bytes.data(), bytes.size());
      }});
    }
    RecordedEntry& entry = recording_.entries[place];
    if (entry.op) {
      add_operator(place);
    } else {
      add({.work = std::move(entry.work),
           .grad_mode = entry.grad_mode,
           .opens = entry.opens,
           .closes = entry.closes});
    }
  }
  plan_storages();
  // What only had views taken of it is left to whoever owns it.
  for (size_t i = 0; i < uses_.size(); ++i) {
    if (uses_[i].first) compiled_.storages.push_back(std::move(recording_.storages[i].storage));
  }
  return std::move(compiled_);
}

}  // namespace

CompiledTape compile(Recording recording) { return Compiler(recording).compile(); }

}  // namespace accelerate::internal
