#include "accelerate/tape/generator_watch.h"

#include <ATen/CPUGeneratorImpl.h>

#include <functional>
#include <mutex>
#include <string_view>

namespace accelerate::internal {
namespace {

constexpr const char* kSet =
    "uses a random generator that the step has seeded or whose state it has set, which a replay "
    "would not do; do that outside of the step";
constexpr const char* kOwn =
    "draws from a random generator that the step itself has created, which a replay would not do; "
    "create it outside of the step";

}  // namespace

GeneratorWatch::GeneratorWatch(const KnownGenerators& earlier) : known_(earlier) {
  const at::Generator common = at::detail::getDefaultCPUGenerator();
  known_.try_emplace(common.unsafeGetGeneratorImpl(), KnownGenerator{common});
  for (const auto& [impl, known] : known_) {
    if (State state; state_of(known.generator, state)) last_[impl] = state;
  }
}

bool GeneratorWatch::state_of(const at::Generator& generator, State& state) {
  auto* const twister = dynamic_cast<at::CPUGeneratorImpl*>(generator.unsafeGetGeneratorImpl());
  if (twister == nullptr) return false;
  const std::lock_guard<std::mutex> lock(twister->mutex_);
  const at::mt19937_data_pod data = twister->engine().data();
  const std::string_view words(reinterpret_cast<const char*>(data.state_.data()),
                               data.state_.size() * sizeof(data.state_[0]));
  state = {.hash = std::hash<std::string_view>{}(words) + data.next_,
           .seed = data.seed_,
           .is_fresh = data.left_ == 1 && data.next_ == 0};
  return true;
}

bool GeneratorWatch::was_set(const at::Generator& generator, const State& now) const {
  const auto* const impl = generator.unsafeGetGeneratorImpl();
  const auto last = last_.find(impl);
  // One that nobody knows yet may have come to the step like this.
  if (last == last_.end() || last->second.hash == now.hash) return false;
  // Draws go on from where it was, and never come back.
  return now.is_fresh || now.seed != last->second.seed || known_.at(impl).states.contains(now.hash);
}

const char* GeneratorWatch::before(const at::Generator& given) {
  const at::Generator generator = given.defined() ? given : at::detail::getDefaultCPUGenerator();
  const auto* const impl = generator.unsafeGetGeneratorImpl();
  known_.try_emplace(impl, KnownGenerator{generator});
  State now;
  if (!state_of(generator, now)) return nullptr;
  if (was_set(generator, now)) return kSet;
  known_.at(impl).states.insert(now.hash);
  return nullptr;
}

void GeneratorWatch::after(const at::Generator& given) {
  const at::Generator generator = given.defined() ? given : at::detail::getDefaultCPUGenerator();
  const auto* const impl = generator.unsafeGetGeneratorImpl();
  if (given.defined()) ++held_[impl];
  State now;
  if (!state_of(generator, now)) return;
  known_.at(impl).states.insert(now.hash);
  last_[impl] = now;
}

const char* GeneratorWatch::end() {
  for (const auto& [impl, known] : known_) {
    State now;
    if (state_of(known.generator, now) && was_set(known.generator, now)) return kSet;
    const auto held = held_.find(impl);
    if (held == held_.end()) continue;
    // Ours, and one for each operator.
    if (c10::raw::intrusive_ptr::use_count(known.generator.unsafeGetGeneratorImpl()) <=
        held->second + 1)
      return kOwn;
  }
  return nullptr;
}

}  // namespace accelerate::internal
