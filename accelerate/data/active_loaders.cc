#include "accelerate/data/active_loaders.h"

#include <string>

namespace accelerate {

std::vector<std::shared_ptr<Stateful>> ActiveLoaders::live() const {
  std::vector<std::shared_ptr<Stateful>> result;
  for (const auto& weak : loaders_) {
    if (auto loader = weak.lock()) result.push_back(std::move(loader));
  }
  return result;
}

void ActiveLoaders::note_batch(const LoaderProgress* pass, int64_t samples) {
  std::erase_if(held_batches_, [pass](const HeldBatch& held) { return held.pass == pass; });
  if (samples > 0) held_batches_.push_back({pass, samples});
}

void ActiveLoaders::note_training() {
  for (const HeldBatch& held : held_batches_) samples_trained_on_ += held.samples;
  held_batches_.clear();
}

State ActiveLoaders::save() {
  State state;
  const auto loaders = live();
  for (size_t i = 0; i < loaders.size(); ++i) state.set_all(std::to_string(i), loaders[i]->save());
  return state;
}

void ActiveLoaders::check(const State& state) {
  const auto loaders = live();
  for (size_t i = 0; i < loaders.size(); ++i) loaders[i]->check(state.part(std::to_string(i)));
}

void ActiveLoaders::load(const State& state) {
  const auto loaders = live();
  for (size_t i = 0; i < loaders.size(); ++i) loaders[i]->load(state.part(std::to_string(i)));
}

}  // namespace accelerate
