// Work on the host that belongs to a training step, such as sending a bucket of gradients. It is
// done at once and, if the step is being recorded, again in each replay, at the same place between
// the step's operators.
//
//   in_each_replay("count a step", [](int64_t* steps) { ++*steps; }, &steps);
//   const auto measure = [](const std::vector<at::Tensor>& of) { return of[0].norm(); };
//   const at::Tensor norm = tensor_in_each_replay("measure", measure, gradients);
//
// What the work calls is not recorded separately. The work also runs when the step's tensors are
// long gone, so it must hold no references to anything on the step's stack. Not for work that only
// calls LibTorch's operators, which are recorded anyway. Any thread may call these functions; only
// one that records notes anything.
//
// What a scope of the program does at its beginning and its end is such work, too. If an operator
// of a replay throws in between, the work at the end is done all the same:
//
//   Scope::Scope(Model* model) : model_(model) {
//     open_in_each_replay(this, "no_sync", [](Model* model) { ++model->depth; }, model);
//   }
//   Scope::~Scope() {
//     close_in_each_replay(this, "end of no_sync", [](Model* of) { --of->depth; }, model_);
//   }
//
// A tape does all of it by run(). A device that replays a step's operators by itself leaves no
// place between them: for what the host then must do before and after a replay, derive a class from
// HostWork that overrides its other methods.
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

  // Names the work in an error about what differs from one step to the next.
  const char* name() const { return name_; }
  // What distinguishes it from work of the same name for other objects, or with other numbers.
  virtual std::vector<std::string> arguments() const { return {}; }

  // Does the work, now and in each replay on a CPU.
  virtual void run() = 0;
  // Does the work while a device records the step: the operators that it calls are recorded, and
  // nothing has changed on the device afterwards.
  virtual void record() { run(); }
  // Called before each replay by a device: copies to the device what the program has changed on the
  // host. False if the step must be recorded again, because something that it uses has moved.
  virtual bool prepare() { return true; }
  // Called after each replay by a device: does the part of the work that is on the host.
  virtual void complete() {}

  // The scope that the work opens or closes, identified by an address that no other scope has
  // meanwhile; null for none.
  const void* opens = nullptr;
  const void* closes = nullptr;

 private:
  const char* name_;
};

// Records a step.
class HostWorkRecorder {
 public:
  virtual ~HostWorkRecorder() = default;

  // The recorder of this thread; null while the thread does not record, or while it runs host work
  // for a tape's recorder.
  static HostWorkRecorder* current();

  // Does the work, and notes it.
  virtual void take(std::shared_ptr<HostWork> work) = 0;
  // The same for work whose result further operators use; it has the same size and type every time.
  virtual at::Tensor take_tensor(const char* name, std::vector<std::string> arguments,
                                 std::function<at::Tensor()> work) = 0;
  // Called when the step gives the program a value that may differ from call to call.
  virtual void on_read(const char* what) = 0;
  // Called when the program itself exchanges something with other processes.
  virtual void on_collective(const char* name) = 0;
  // Whether the host can read what operators have computed.
  virtual bool has_values() const = 0;

  // Makes a recorder the one of this thread for a scope.
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

// To be called by functions that give the program a value that may differ from step to step: a step
// that calls one cannot be replayed, and `what` is named as the reason.
void refuse_recording(const char* what);

// Whether the host can read what operators have computed; false while a device records them.
bool host_has_values();

namespace internal {

// The value of a number, or the address of an object; empty for anything else.
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

// Does work of a class that derives from HostWork; a recording keeps a copy of it.
template <class Work>
void in_each_replay(const Work& work) requires std::is_base_of_v<HostWork, Work> {
  auto* recorder = HostWorkRecorder::current();
  if (recorder != nullptr) return recorder->take(std::make_shared<Work>(work));
  Work(work).run();
}

// Calls the function with the arguments, which are copied only if the call is recorded. Pass the
// program's numbers and objects as arguments, and not as part of the function, so that a different
// one in a later step is noticed.
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

// Does work whose result has the same size and type every time; further operators may use it.
template <class Function, class... Arguments>
at::Tensor tensor_in_each_replay(const char* name, const Function& function,
                                 const Arguments&... arguments) {
  auto* recorder = HostWorkRecorder::current();
  if (recorder == nullptr) return function(arguments...);
  return recorder->take_tensor(name, {internal::identity_of(arguments)...},
                               [function, ... kept = arguments] { return function(kept...); });
}

}  // namespace accelerate
