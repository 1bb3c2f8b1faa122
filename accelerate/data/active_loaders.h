// Which loader a program is iterating over, innermost first, and how far it is. A loader pushes its
// progress when an iteration begins; when the iteration ends, or its iterator goes, the loader
// outside it is current again. gather_for_metrics() asks here whether the last batch holds repeated
// samples.
//
//   auto progress = std::make_shared<LoaderProgress>();
//   progress->remainder = shard.remainder();
//   loaders.push(progress);
//
// Not thread-safe: a program iterates from one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/nested/named_tensors.h"
#include "accelerate/state/stateful.h"

namespace accelerate {

struct LoaderProgress {
  // A stream's end is not known before its last batch.
  static constexpr int64_t kUnknownButSome = std::numeric_limits<int64_t>::max() / 2;

  // Batches of the epoch after the one that the program holds.
  int64_t batches_left = 0;
  // As BatchShard::remainder(); -1 where batches differ in size.
  int64_t remainder = -1;
  // Whether the batch holds nothing but samples that another process has, too.
  bool is_repetition = false;
  // Which epoch it is, and how much of its order all processes together have had: samples, or
  // batches where a batch sampler makes them.
  int64_t epoch = 0;
  int64_t consumed = 0;

  // Whether the batch that the program holds is the last of the epoch.
  bool end_of_dataloader() const { return batches_left == 0; }
};

class ActiveLoaders final : public Stateful {
 public:
  // A loader that takes part in the run.
  void add(const std::shared_ptr<Stateful>& loader) { loaders_.push_back(loader); }

  void push(const std::shared_ptr<LoaderProgress>& progress) { stack_.push_back(progress); }

  // The innermost loader under iteration, or none.
  std::shared_ptr<const LoaderProgress> current() {
    while (!stack_.empty() && stack_.back().expired()) stack_.pop_back();
    return stack_.empty() ? nullptr : stack_.back().lock();
  }

  // What passes that begin from now on do with a last round that is not full, whatever was chosen
  // when their loader was prepared.
  std::optional<bool> even_batches;

  // Whether the last batch that each pass under way has given with gradients enabled is kept.
  bool keeps_batch = false;
  struct KeptBatch {
    std::weak_ptr<const LoaderProgress> pass;
    // How far the pass was then.
    LoaderProgress progress;
    // By their names; see named_tensors(). The program may change them in place.
    NamedTensors tensors;
  };
  void keep_batch(const std::shared_ptr<const LoaderProgress>& pass, NamedTensors tensors) {
    std::erase_if(kept_batches_, [&pass](const KeptBatch& kept) {
      return kept.pass.expired() || kept.pass.lock() == pass;
    });
    kept_batches_.push_back({pass, *pass, std::move(tensors)});
  }
  // That of the innermost loader under iteration, or else the last one; null where there is none.
  const KeptBatch* kept_batch() {
    const auto pass = current();
    for (const KeptBatch& kept : kept_batches_)
      if (pass != nullptr && kept.pass.lock() == pass) return &kept;
    return kept_batches_.empty() ? nullptr : &kept_batches_.back();
  }
  void forget_batches() { kept_batches_.clear(); }

  // The pass has given a batch of so many samples of all processes together, 0 where it gives none
  // any more or samples are not counted.
  void note_batch(const LoaderProgress* pass, int64_t samples);
  // A backward pass, or a step of an optimizer, has used the batches that the program holds. So
  // what is only evaluated never counts.
  void note_training();
  // Samples of all processes together that were trained on.
  int64_t samples_trained_on() const { return samples_trained_on_; }

  // Where each loader is that lives, in the order of their preparation.
  std::string_view state_name() const override { return "data_loaders"; }
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  std::vector<std::shared_ptr<Stateful>> live() const;

  std::vector<std::weak_ptr<Stateful>> loaders_;
  std::vector<std::weak_ptr<LoaderProgress>> stack_;
  // The one that was given last at the end.
  std::vector<KeptBatch> kept_batches_;

  // Of each pass, the batch that the program holds and has not trained on yet.
  struct HeldBatch {
    const LoaderProgress* pass;
    int64_t samples;
  };
  std::vector<HeldBatch> held_batches_;
  int64_t samples_trained_on_ = 0;
};

}  // namespace accelerate
