#include "accelerate/tape/recorder.h"

#include <ATen/Formatting.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>

#include <cstring>
#include <limits>
#include <memory>
#include <sstream>
#include <string_view>

#include "accelerate/tape/operator_facts.h"
#include "accelerate/tape/recording_key.h"
#include "accelerate/tape/tensor_work.h"
#include "accelerate/tape/values.h"

namespace accelerate::internal {
namespace {

using Kind = RecordedStorage::Kind;

void note_tensor(RecordedStorage& storage, const at::Tensor& tensor) {
  for (const WeakTensor& each : storage.tensors) {
    if (each._unsafe_get_target() == tensor.unsafeGetTensorImpl()) return;
  }
  storage.tensors.emplace_back(tensor.getIntrusivePtr());
}

// Memory from outside that is larger is not looked at, such as a data set: that would take longer
// than the step.
constexpr size_t kMostBytes = size_t{1} << 28;

constexpr const char* kHostWrite =
    "uses values that the step has written on the host, through data_ptr() or an accessor, which "
    "a replay would not do; use operators to write them, or write them outside of the step";

}  // namespace

thread_local Recorder* Recorder::current = nullptr;

Recorder::Recorder(Recording& recording, const std::vector<at::Tensor>& inputs,
                   const RecordOptions& options)
    : recording_(recording),
      observer_(options.observer),
      generators_(options.earlier != nullptr ? options.earlier->generators : KnownGenerators()) {
  if (options.earlier != nullptr) outside_ = options.earlier->outside;
  outside_.note_all_again();
  for (const NamedMemory& each : options.named) names_[each.storage] = each.name;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) continue;
    if (const char* obstacle = obstacle_of(inputs[i])) {
      refuse(c10::str("input ", i, " of the step ", obstacle));
      return;
    }
    add(inputs[i].storage(), Kind::kInput, i);
    values_.note(inputs[i]);
  }
}

const char* Recorder::obstacle_of(const at::Tensor& tensor) {
  if (!tensor.is_cpu()) return "is not on the CPU";
  if (tensor.layout() != at::kStrided || !tensor.has_storage()) return "is not dense";
  return nullptr;
}

void Recorder::check(const at::Tensor& tensor) {
  const char* obstacle = obstacle_of(tensor);
  TORCH_CHECK(obstacle == nullptr, "a tensor ", obstacle == nullptr ? "" : obstacle);
}

void Recorder::admit(const c10::IValue& value) {
  for_each_tensor(value, [this](const at::Tensor& tensor) {
    check(tensor);
    if (RecordedStorage* present = find(tensor)) {
      if (present->kind == Kind::kOutside) note_tensor(*present, tensor);
      return;
    }
    RecordedStorage& known = add(tensor.storage(), Kind::kOutside, recording_.storages.size());
    note_tensor(known, tensor);
    const auto name = names_.find(tensor.storage().unsafeGetStorageImpl());
    if (name == names_.end()) return;
    known.name = name->second;
    known.is_placed = placed_.contains(name->first);
  });
}

RecordedStorage* Recorder::find(const at::Tensor& tensor) {
  const auto found = index_of_.find(tensor.storage().unsafeGetStorageImpl());
  return found == index_of_.end() ? nullptr : &recording_.storages[found->second];
}

RecordedStorage& Recorder::add(const c10::Storage& storage, Kind kind, size_t index) {
  const auto [place, is_new] =
      index_of_.try_emplace(storage.unsafeGetStorageImpl(), recording_.storages.size());
  if (is_new) recording_.storages.push_back({.kind = kind, .index = index, .storage = storage});
  return recording_.storages[place->second];
}

// With tensors of our own over the same memory: a second reference to the step's tensors would make
// autograd copy gradients that it otherwise takes over.
c10::IValue Recorder::own(const c10::IValue& value) {
  return with_tensors(value, [this](const at::Tensor& tensor) {
    ++find(tensor)->references;
    return at::Tensor(tensor.unsafeGetTensorImpl()->shallow_copy_and_detach(
        /*version_counter=*/0, /*allow_tensor_metadata_change=*/true));
  });
}

void Recorder::note_use(const at::Tensor& tensor, bool writes, bool covers) {
  RecordedStorage* known = find(tensor);
  const size_t entry = recording_.entries.size();
  if (!known->first_use) known->first_use = entry;
  if (writes) {
    known->is_written = true;
    values_.forget(known->storage.unsafeGetStorageImpl());
  }
  if (!known->is_blank) return;
  const std::string_view bytes(static_cast<const char*>(known->storage.data()),
                               known->storage.nbytes());
  if (!covers || !writes) known->host_values = std::hash<std::string_view>{}(bytes);
  if (!writes || !covers || tensor.nbytes() != bytes.size()) known->is_constant = true;
  if (!writes) return;
  if (known->is_constant) {
    recording_.restores.push_back({*known->first_use, known->storage, std::string(bytes)});
    ++known->references;
  }
  known->is_blank = false;
}

std::string Recorder::text_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text.precision(
      std::numeric_limits<double>::max_digits10);  // Of numbers, which may differ little.
  const RecordedStorage& known = *find(tensor);
  switch (known.kind) {
    case Kind::kInput:
      text << "input " << known.index;
      break;
    case Kind::kMade:
      text << "result " << known.index;
      break;
    case Kind::kOutside:
      if (!known.name.empty()) {
        text << known.name;
      } else if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) {
        text << "number " << tensor.item();
      } else {
        text << "memory at " << static_cast<const void*>(known.storage.unsafeGetStorageImpl());
      }
  }
  text << ", " << tensor.scalar_type() << " " << tensor.sizes() << ", strides " << tensor.strides()
       << ", offset " << tensor.storage_offset();
  if (known.host_values) text << ", values of the host with the hash " << *known.host_values;
  return text.str();
}

std::string Recorder::text_of(const c10::IValue& value) {
  std::ostringstream text;
  size_t tensors = 0;
  for_each_tensor(value, [&](const at::Tensor& tensor) {
    text << (tensors++ > 0 ? "; " : "") << text_of(tensor);
  });
  if (value.isGenerator()) {
    text << "generator at "
         << static_cast<const void*>(value.toGenerator().unsafeGetGeneratorImpl());
  } else if (tensors == 0) {
    text << value;
  }
  return text.str();
}

c10::ArrayRef<c10::IValue> last_of(const torch::jit::Stack& stack, size_t count) {
  return c10::ArrayRef<c10::IValue>(stack.data() + stack.size() - count, count);
}

void Recorder::check_values(const Values& arguments) {
  for (const c10::IValue& value : arguments) {
    for_each_tensor(value, [this](const at::Tensor& tensor) {
      const RecordedStorage& known = *find(tensor);
      if (!known.name.empty()) return;
      const bool is_new = known.kind == Kind::kOutside && !values_.is_noted(tensor);
      if (is_new && tensor.nbytes() > kMostBytes) return;
      const ValueWatch& before = is_new ? outside_ : values_;
      TORCH_CHECK(before.is_as_noted(tensor), kHostWrite);
      if (!is_new) return;
      values_.note(tensor);
      recording_.trace.outside.note(tensor);
    });
  }
}

void Recorder::note_values(const c10::IValue& value) {
  for_each_tensor(value, [this](const at::Tensor& tensor) {
    const RecordedStorage& known = *find(tensor);
    const bool is_watched = known.kind != Kind::kOutside || values_.is_noted(tensor);
    if (known.name.empty() && is_watched) values_.note(tensor);
  });
}

at::Generator generator_in(const std::vector<c10::IValue>& arguments) {
  for (const c10::IValue& value : arguments) {
    if (value.isGenerator()) return value.toGenerator();
  }
  return {};
}

void Recorder::check_generators(const c10::OperatorHandle& op, const Values& arguments) {
  if (!op.hasTag(at::Tag::nondeterministic_seeded)) return;
  const char* obstacle = generators_.before(generator_in(arguments));
  TORCH_CHECK(obstacle == nullptr, obstacle == nullptr ? "" : obstacle);
}

void Recorder::note_draws(const c10::OperatorHandle& op, const Values& arguments) {
  if (op.hasTag(at::Tag::nondeterministic_seeded)) generators_.after(generator_in(arguments));
}

void Recorder::note_uses(const c10::OperatorHandle& op, const Values& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto* alias = op.schema().arguments()[i].alias_info();
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      note_use(tensor, alias != nullptr && alias->isWrite(), overwrites(op.schema(), i));
    });
  }
}

void Recorder::finish(RecordedEntry& entry, const Values& arguments,
                      c10::ArrayRef<c10::IValue> results) {
  const c10::FunctionSchema& schema = entry.op->schema();
  std::vector<at::Tensor> made;
  for (const c10::IValue& result : results) {
    for_each_tensor(result, [&](const at::Tensor& tensor) {
      check(tensor);
      if (find(tensor) == nullptr) made.push_back(tensor);
    });
  }
  const bool is_blank = makes_blank(schema.name());
  // A view reads nothing, and what is written was noted before.
  if (!made.empty() && !is_blank && !writes_arguments(*entry.op)) note_uses(*entry.op, arguments);
  for (size_t i = 0; i < arguments.size(); ++i) {
    entry.texts.push_back({schema.arguments()[i].name(), text_of(arguments[i])});
    entry.arguments.push_back(own(arguments[i]));
  }
  if (is_comparison(*entry.op)) finish_comparison(entry, arguments, results[0].toBool());
  for (const at::Tensor& tensor : made) {
    RecordedStorage& storage = add(tensor.storage(), Kind::kMade, made_++);
    storage.made_by = recording_.entries.size();
    storage.left_blank = storage.is_blank = is_blank;
    // What the host does not write is then the same in each recording.
    if (is_blank && storage.storage.nbytes() > 0)
      std::memset(storage.storage.mutable_data(), 0, storage.storage.nbytes());
  }
  for (const c10::IValue& result : results) {
    for_each_tensor(result, [this](const at::Tensor& tensor) {
      RecordedStorage& known = *find(tensor);
      if (known.kind != Kind::kOutside) note_tensor(known, tensor);
    });
    entry.results.push_back(own(result));
    if (!is_blank && !is_view(*entry.op)) note_values(result);
  }
  if (is_view(*entry.op)) return;
  for (const c10::IValue& argument : arguments) note_values(argument);
  note_draws(*entry.op, arguments);
}

void Recorder::finish_comparison(RecordedEntry& entry, const Values& arguments, bool result) {
  const at::Tensor &one = arguments[0].toTensor(), &other = arguments[1].toTensor();
  entry.texts.push_back({"result", result ? "true" : "false"});
  if (one.sizes() != other.sizes() || (result && are_one(one, other))) return;
  // What the step itself has computed is as good as never equal, and a replay notices if it is.
  entry.must_agree = !result && one.is_floating_point() && other.is_floating_point() &&
                     find(one)->kind == Kind::kMade && find(other)->kind == Kind::kMade;
  if (!entry.must_agree)
    return refuse(c10::str("`", entry.name,
                           "` compares values, and what follows may depend on the result; make the "
                           "decision outside of the captured step"));
  note_uses(*entry.op, arguments);
}

void Recorder::run(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                   torch::jit::Stack* stack) {
  RecordedEntry entry{.op = op, .keys = keys, .name = c10::toString(op.operator_name())};
  const auto or_refuse = [&](const auto& work) {
    try {
      work();
    } catch (const c10::Error& error) {
      refuse(c10::str("`", entry.name, "`: ", error.what_without_backtrace()));
    }
  };
  // The operator takes them from the stack.
  const Values arguments = last_of(*stack, op.schema().arguments().size()).vec();
  or_refuse([&] {
    if (const char* obstacle = internal::obstacle_of(op, arguments))
      return refuse(c10::str("`", entry.name, "` ", obstacle));
    for (const c10::IValue& each : arguments) admit(each);
    check_generators(op, arguments);
    if (!is_view(op)) check_values(arguments);
    if (writes_arguments(op)) note_uses(op, arguments);
  });
  op.redispatchBoxed(keys, stack);
  if (!is_open()) return;
  or_refuse([&] { finish(entry, arguments, last_of(*stack, op.schema().returns().size())); });
  if (is_open()) recording_.entries.push_back(std::move(entry));
}

void Recorder::observe() {
  if (!is_open()) return;
  c10::impl::ExcludeDispatchKeyGuard below(kRecordingKey);
  const CurrentRecorder none(nullptr);
  if (observer_ == nullptr) return;
  if (auto obstacle = observer_->obstacle()) return refuse(std::move(*obstacle));
  auto changes = observer_->changes();
  if (changes != nullptr)
    recording_.entries.push_back(
        {.work = std::move(changes), .is_bookkeeping = true, .name = "a change of `.grad`"});
}

// It may have written whatever was noted.
void Recorder::note_work(bool was_at_rest) {
  for (const c10::StorageImpl* each : noted_gradients_) values_.forget(each);
  noted_gradients_.clear();
  if (is_at_rest() || was_at_rest) values_.note_all_again(), outside_.note_all_again();
  if (observer_ == nullptr || !is_at_rest()) return;
  for (const c10::Storage& each : observer_->gradients()) {
    values_.note_all_of(each);
    noted_gradients_.push_back(each.unsafeGetStorageImpl());
  }
}

void Recorder::end() {
  observe();
  if (!is_open()) return;
  if (const char* obstacle = generators_.end()) return refuse(c10::str("it ", obstacle));
  if (is_at_rest() && !values_.all_are_as_noted()) return refuse(c10::str("its end ", kHostWrite));
  recording_.trace.generators = generators_.take();
}

void Recorder::take(std::shared_ptr<HostWork> work) {
  observe();
  c10::impl::ExcludeDispatchKeyGuard below(kRecordingKey);
  const CurrentRecorder none(nullptr);
  const bool at_rest = is_open() && is_at_rest();
  if (at_rest && !values_.all_are_as_noted()) refuse(c10::str("`", work->name(), "` ", kHostWrite));
  const std::string name = work->name();
  std::vector<std::string> arguments = work->arguments();
  work->run();
  if (!is_open()) return;
  note_work(at_rest);
  RecordedEntry entry{.work = [work] { work->run(); },
                      .grad_mode = c10::GradMode::is_enabled(),
                      .opens = work->opens,
                      .closes = work->closes,
                      .name = name};
  for (std::string& argument : arguments)
    entry.texts.push_back({c10::str("argument ", entry.texts.size() + 1), std::move(argument)});
  recording_.entries.push_back(std::move(entry));
  std::vector<NamedMemory> named;
  auto after = observer_ != nullptr ? observer_->after_work(named) : nullptr;
  for (const NamedMemory& each : named) {
    names_[each.storage] = each.name;
    placed_.insert(each.storage);
  }
  if (after != nullptr)
    recording_.entries.push_back(
        {.work = std::move(after), .is_bookkeeping = true, .name = "a `.grad` of " + name});
}

at::Tensor Recorder::take_tensor(const char* name, std::vector<std::string> arguments,
                                 std::function<at::Tensor()> work) {
  const auto taken = std::make_shared<TensorWork>(name, std::move(arguments), std::move(work));
  take(taken);
  if (is_open()) add(taken->result().storage(), Kind::kMade, made_++);
  return taken->result();
}

void Recorder::on_read(const char* what) {
  refuse(c10::str(what,
                  " is read, which a replay would not do; read it outside of the captured step"));
}

void Recorder::on_collective(const char* name) {
  on_read(c10::str("the result of the collective `", name, "`").c_str());
}

}  // namespace accelerate::internal
