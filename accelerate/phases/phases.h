// The phase that a training step is in: data, forward, backward, communication, optimizer. The
// parts of the library announce it, and whatever measures or draws a run listens.
//
//   void read_batch() {
//     const PhaseScope reading(Phase::kData);
//     read();
//   }
//
// If scopes are nested, the inner one counts, so that each moment belongs to one phase; but
// everything within kAside belongs to kAside. If nobody listens, a scope only reads a variable. Not
// for measuring how long a function takes: use a profiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace accelerate {

enum class Phase : uint8_t {
  kData,           // Waiting for the next batch.
  kForward,        // In a prepared model.
  kEvaluation,     // The same without gradients.
  kBackward,       // In backward(), except for what it waits for.
  kCommunication,  // Handing a collective over, and waiting for it.
  kOptimizer,      // Clipping, stepping, zero_grad.
  kCaptured,       // In a captured step, without its communication and its optimizer.
  kOther,          // What the program does in between, such as computing the loss.
  kAside,          // What belongs to no step: saving and loading the run, reporting.
};
inline constexpr size_t kNumPhases = 9;

// The name of the phase, such as "data".
const char* to_string(Phase phase);

class PhaseListener {
 public:
  virtual ~PhaseListener() = default;

  // The thread is now in this phase; after leave(), in the phase outside of it, which is kOther
  // outside of all scopes. A listener that is added within a scope is also told when the thread
  // leaves it.
  virtual void enter(Phase phase) = 0;
  virtual void leave(Phase outside) = 0;
  // An optimizer has stepped; its address identifies it.
  virtual void note_step(const void* /*optimizer*/) {}
  // The time since the last call, or since the listener was added, was a step, for which all
  // processes together have read this many samples; 0 if the number is unknown.
  virtual void end_step(int64_t samples) = 0;
};

// The phases that a thread is in, and the listeners to it. Not thread-safe, because each thread has
// its own: listeners of a training thread are told of everything that this thread does itself.
class Phases {
 public:
  // The phases of this thread; null if nobody listens.
  static Phases* heard() { return heard_; }

  // Adds a listener to this thread. It must be removed in the same thread.
  static void add(PhaseListener& listener);
  static void remove(PhaseListener& listener);

  void enter(Phase phase);
  void leave();
  // An optimizer has stepped. The step ends when the next one begins to read data, to compute, or
  // to replay.
  void note_step(const void* optimizer, int64_t samples);

 private:
  static Phases& of_thread();

  static inline thread_local constinit Phases* heard_ = nullptr;

  std::vector<PhaseListener*> listeners_;
  std::vector<Phase> stack_;
  bool has_stepped_ = false;
  int64_t samples_ = 0;
};

class PhaseScope {
 public:
  explicit PhaseScope(Phase phase) : phases_(Phases::heard()) {
    if (phases_ != nullptr) phases_->enter(phase);
  }
  ~PhaseScope() {
    if (phases_ != nullptr) phases_->leave();
  }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  Phases* phases_;
};

}  // namespace accelerate
