// Detects whether the program sets a random generator while a step is recorded. A replay's
// operators draw from the generators that the step used, as the step would; a replay does not
// repeat a seed or state that the program sets in between.
//
//   internal::GeneratorWatch watch(known);
//   if (const char* obstacle = watch.before(generator)) give_up(obstacle);  // It is going to draw.
//   watch.after(generator);                                                 // It has.
//   if (const char* obstacle = watch.end()) give_up(obstacle);              // The step is over.
//
// Other threads, such as those that load data, may draw from the same generator meanwhile; that is
// no obstacle. Only LibTorch's CPU generators are watched. Part of the tape; not for others. Not
// thread-safe.
#pragma once

#include <ATen/core/Generator.h>

#include <cstddef>
#include <unordered_map>
#include <unordered_set>

namespace accelerate {

// What a recording has seen of a generator, for a later recording to examine.
struct KnownGenerator {
  at::Generator generator;
  std::unordered_set<size_t> states = {};
};
using KnownGenerators = std::unordered_map<const c10::GeneratorImpl*, KnownGenerator>;

namespace internal {

class GeneratorWatch {
 public:
  // `earlier` are the generators that an earlier recording of the step has used.
  explicit GeneratorWatch(const KnownGenerators& earlier);

  // An undefined generator stands for LibTorch's default one. before() and end() return the
  // obstacle; null if replays do what the step does.
  const char* before(const at::Generator& generator);
  void after(const at::Generator& generator);
  const char* end();

  KnownGenerators take() { return std::move(known_); }

 private:
  struct State {
    size_t hash;
    uint64_t seed;
    // Whether nothing was drawn since it was seeded.
    bool is_fresh;
  };
  static bool state_of(const at::Generator& generator, State& state);
  // Whether somebody has set it, rather than drawn from it.
  bool was_set(const at::Generator& generator, const State& now) const;

  KnownGenerators known_;
  // The states in which the step or its last draw left them.
  std::unordered_map<const c10::GeneratorImpl*, State> last_;
  // How many arguments of the recording hold each generator.
  std::unordered_map<const c10::GeneratorImpl*, size_t> held_;
};

}  // namespace internal
}  // namespace accelerate
