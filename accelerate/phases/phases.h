// What a training step is at: data, forward, backward, communication, optimizer. The parts of the
// library say so, and who measures or draws a run listens.
//
//   void read_batch() {
//     const PhaseScope reading(Phase::kData);
//     read();
//   }
//
// Of a scope within another the inner one counts, so that each moment is of one phase; but all that
// is done within kAside is of that. Where nobody listens, a scope costs the reading of a variable.
// Not for how long a function takes: a profiler knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace accelerate {

enum class Phase : uint8_t {
  kData,           // Waiting for the next batch.
  kForward,        // In a prepared model.
  kEvaluation,     // The same without gradients.
  kBackward,       // In backward(), but for what it waits for.
  kCommunication,  // Handing a collective over, and waiting for it.
  kOptimizer,      // Clipping, stepping, zero_grad.
  kCaptured,       // In a captured step, but for its communication and its optimizer.
  kOther,          // What the program does in between, such as computing the loss.
  kAside,          // What is of no step: saving and loading the run, reporting.
};
inline constexpr size_t kNumPhases = 9;

// "data".
const char* to_string(Phase phase);

class PhaseListener {
 public:
  virtual ~PhaseListener() = default;

  // From now on the thread is in this phase; and in the one outside of it again, kOther outside of
  // all. One that comes within a scope hears that it is left, too.
  virtual void enter(Phase phase) = 0;
  virtual void leave(Phase outside) = 0;
  // An optimizer has stepped: which one, told by its address.
  virtual void note_step(const void* /*optimizer*/) {}
  // What has been since the last call, or since the listener came, was a step, for which all
  // processes together have read so many samples; 0 where nobody knows.
  virtual void end_step(int64_t samples) = 0;
};

// Where a thread is, and who listens. Not thread-safe, as each thread has its own: one that trains
// is heard in all that it does itself.
class Phases {
 public:
  // Those of this thread; null where nobody listens.
  static Phases* heard() { return heard_; }

  // To this thread, until it is removed, which it must be in the same thread.
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
