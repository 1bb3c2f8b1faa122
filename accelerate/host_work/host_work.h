// Work on the host that belongs to a training step, such as sending a bucket of gradients: it is
// done, and where the step is being recorded, done again in each replay, at the same place between
// the step's operators.
//
//   in_each_replay("count a step", [](int64_t* steps) { ++*steps; }, &steps);
//   const auto measure = [](const std::vector<at::Tensor>& of) { return of[0].norm(); };
//   const at::Tensor norm = tensor_in_each_replay("measure", measure, gradients);
//
// What the work calls is not recorded by itself. It runs when the step's tensors are long gone, so
// that it holds no references to what the step has on its stack. Not for operators of LibTorch
// alone, which are recorded as they are. For any thread; only one that records notes anything.
//
// What a scope of the program does at its beginning and its end is such work, too. Where an
// operator of a replay throws in between, the end is done all the same:
//
//   Scope::Scope(Model* model) : model_(model) {
//     open_in_each_replay(this, "no_sync", [](Model* model) { ++model->depth; }, model);
//   }
//   Scope::~Scope() {
//     close_in_each_replay(this, "end of no_sync", [](Model* of) { --of->depth; }, model_);
//   }
//
// A tape does all of it by run(). A device that replays a step's operators by itself leaves no
// place between them: what the host then has to do before and after a replay is a class of its own,
// which overrides HostWork's other methods.
#pragma once

#include <ATen/core/Tensor.h>

#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace accelerate {

// A unit of such work. Its owner makes it where the work is done; a recording keeps it.
class HostWork {
 public:
  explicit HostWork(const char* name) : name_(name) {}
  virtual ~HostWork() = default;

  // Says in an error what differs from one step to the next.
  const char* name() const { return name_; }
  // What tells it from the work of this name for other objects, or with other numbers.
  virtual std::vector<std::string> arguments() const { return {}; }

  // Does it, now and in each replay on a CPU.
  virtual void run() = 0;
  // Does it while a device takes note of the step: the operators that it calls are recorded, and
  // nothing has changed on the device afterwards.
  virtual void record() { run(); }
  // Before each replay by a device: brings there what the program has changed on the host. False
  // where the step must be recorded anew, as something that it works on lies elsewhere.
  virtual bool prepare() { return true; }
  // After each replay by a device: what the work does on the host.
  virtual void complete() {}

  // The scope that it opens or closes, the address of what unlike all other scopes has it while it
  // lasts; null for none.
  const void* opens = nullptr;
  const void* closes = nullptr;

 private:
  const char* name_;
};

// Who records a step.
class HostWorkRecorder {
 public:
  virtual ~HostWorkRecorder() = default;

  // The one of this thread; null while it does not record, or a tape's is within work of the host.
  static HostWorkRecorder* current();

  // Does the work, and takes note of it.
  virtual void take(std::shared_ptr<HostWork> work) = 0;
  // The same of work whose result, of the same size and type every time, further operators use.
  virtual at::Tensor take_tensor(const char* name, std::vector<std::string> arguments,
                                 std::function<at::Tensor()> work) = 0;
  // The step hands a value to the program that may be another one in each call.
  virtual void on_read(const char* what) = 0;
  // The program itself exchanges something with other processes.
  virtual void on_collective(const char* name) = 0;
  // Whether the host can read what operators have computed.
  virtual bool has_values() const = 0;

  // Makes it the one of this thread for a scope.
  class Scope {
   public:
    explicit Scope(HostWorkRecorder* recorder);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    HostWorkRecorder* before_;
  };
};

// For what hands a value to the program that may be another one in each step: a step that calls it
// cannot be replayed, and `what` is named as the reason.
void refuse_recording(const char* what);

// Whether the host can read what operators have computed: not while a device records them.
bool host_has_values();

namespace internal {

// A number by its value, and an object by its address. Nothing of what else there may be.
template <class Argument>
std::string identity_of(const Argument& argument) {
  if constexpr (std::is_arithmetic_v<Argument>) {
    if constexpr (std::is_same_v<Argument, bool>) return argument ? "true" : "false";
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof(digits), argument);
    return std::string(digits, end.ptr);
  } else if constexpr (std::is_pointer_v<Argument>) {
    return identity_of(reinterpret_cast<std::uintptr_t>(argument));
  } else if constexpr (std::is_same_v<Argument, std::vector<at::Tensor>>) {
    std::string all;
    for (const at::Tensor& each : argument) all += identity_of(each.unsafeGetTensorImpl()) + " ";
    return all;
  } else if constexpr (requires { argument.lock(); }) {
    return identity_of(argument.lock().get());
  } else {
    return {};
  }
}

// A call of a function.
template <class Function, class... Arguments>
class HostCall final : public HostWork {
 public:
  HostCall(const char* name, const Function& function, const Arguments&... arguments)
      : HostWork(name), function_(function), arguments_(arguments...) {}

  std::vector<std::string> arguments() const override {
    return std::apply(
        [](const auto&... each) { return std::vector<std::string>{identity_of(each)...}; },
        arguments_);
  }
  void run() override { std::apply(function_, arguments_); }

 private:
  Function function_;
  std::tuple<Arguments...> arguments_;
};

template <class Function, class... Arguments>
std::shared_ptr<HostWork> host_call(const char* name, const Function& function,
                                    const Arguments&... arguments) {
  return std::make_shared<HostCall<Function, Arguments...>>(name, function, arguments...);
}

}  // namespace internal

// Does work that is a class of its own, which is copied only where it is recorded.
template <class Work>
void in_each_replay(const Work& work) requires std::is_base_of_v<HostWork, Work> {
  auto* recorder = HostWorkRecorder::current();
  if (recorder != nullptr) return recorder->take(std::make_shared<Work>(work));
  Work(work).run();
}

// Calls the function with the arguments, which are copied only where it is recorded. So that
// another one in a later step is noticed, numbers that the program gives and the objects that it
// means are arguments, and not a part of the function.
template <class Function, class... Arguments>
void in_each_replay(const char* name, const Function& function, const Arguments&... arguments) {
  auto* recorder = HostWorkRecorder::current();
  if (recorder == nullptr) return function(arguments...);
  recorder->take(internal::host_call(name, function, arguments...));
}

template <class Function, class... Arguments>
void open_in_each_replay(const void* scope, const char* name, const Function& function,
                         const Arguments&... arguments) {
  auto* recorder = HostWorkRecorder::current();
  if (recorder == nullptr) return function(arguments...);
  const auto work = internal::host_call(name, function, arguments...);
  work->opens = scope;
  recorder->take(work);
}

template <class Function, class... Arguments>
void close_in_each_replay(const void* scope, const char* name, const Function& function,
                          const Arguments&... arguments) {
  auto* recorder = HostWorkRecorder::current();
  if (recorder == nullptr) return function(arguments...);
  const auto work = internal::host_call(name, function, arguments...);
  work->closes = scope;
  recorder->take(work);
}

// Work with a result of the same size and type every time, which further operators may use.
template <class Function, class... Arguments>
at::Tensor tensor_in_each_replay(const char* name, const Function& function,
                                 const Arguments&... arguments) {
  auto* recorder = HostWorkRecorder::current();
  if (recorder == nullptr) return function(arguments...);
  return recorder->take_tensor(name, {internal::identity_of(arguments)...},
                               [function, ... kept = arguments] { return function(kept...); });
}

}  // namespace accelerate
