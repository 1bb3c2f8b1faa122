// The loaders that a program is iterating over, innermost first, and how far each of them is. A
// loader pushes its progress when an iteration begins; when the iteration ends, or its iterator is
// destroyed, the loader outside it is current again. gather_for_metrics() asks here whether the
// last batch holds repeated samples.
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
  // For a stream, whose end is not known before its last batch.
  static constexpr int64_t kUnknownButSome = std::numeric_limits<int64_t>::max() / 2;

  // How many batches of the epoch follow the one that the program holds.
  int64_t batches_left = 0;
  // As BatchShard::remainder(); -1 if batches differ in size.
  int64_t remainder = -1;
  // How many samples all processes together get in a full round; -1 if batches differ in size.
  int64_t round_size = -1;
  // Whether the batch holds only samples that another process also has.
  bool is_repetition = false;
  // The epoch, and how much of its order all processes together have received: samples, or batches
  // if a batch sampler makes them.
  int64_t epoch = 0;
  int64_t consumed = 0;

  // Whether the batch that the program holds is the last of the epoch.
  bool end_of_dataloader() const { return batches_left == 0; }
};

class ActiveLoaders final : public Stateful {
 public:
  // Adds a loader of the run.
  void add(const std::shared_ptr<Stateful>& loader) { loaders_.push_back(loader); }

  void push(const std::shared_ptr<LoaderProgress>& progress) { stack_.push_back(progress); }

  // The progress of the innermost loader under iteration; null if there is none.
  std::shared_ptr<const LoaderProgress> current() {
    while (!stack_.empty() && stack_.back().expired()) stack_.pop_back();
    return stack_.empty() ? nullptr : stack_.back().lock();
  }

  // If set, decides for all passes that begin from now on what happens to a last round that is not
  // full, and overrides what was chosen when their loader was prepared.
  std::optional<bool> even_batches;

  // Whether to keep, for each pass under way, the last batch that it returned while gradients were
  // enabled.
  bool keeps_batch = false;
  struct KeptBatch {
    std::weak_ptr<const LoaderProgress> pass;
    // How far the pass was at that time.
    LoaderProgress progress;
    // The batch's tensors by name; see named_tensors(). The program may change them in place.
    NamedTensors tensors;
  };
  void keep_batch(const std::shared_ptr<const LoaderProgress>& pass, NamedTensors tensors) {
    std::erase_if(kept_batches_, [&pass](const KeptBatch& kept) {
      return kept.pass.expired() || kept.pass.lock() == pass;
    });
    kept_batches_.push_back({pass, *pass, std::move(tensors)});
  }
  // The kept batch of the innermost loader under iteration, or else the last one that was kept;
  // null if there is none.
  const KeptBatch* kept_batch() {
    const auto pass = current();
    for (const KeptBatch& kept : kept_batches_)
      if (pass != nullptr && kept.pass.lock() == pass) return &kept;
    return kept_batches_.empty() ? nullptr : &kept_batches_.back();
  }
  void forget_batches() { kept_batches_.clear(); }

  // Records that the pass has returned a batch of `samples` samples, of all processes together; 0
  // if it has ended or if samples are not counted.
  void note_batch(const LoaderProgress* pass, int64_t samples);
  // Records that a backward pass or a step of an optimizer has used the batches that the program
  // holds. Samples that are only evaluated are therefore never counted.
  void note_training();
  // How many samples all processes together have trained on.
  int64_t samples_trained_on() const { return samples_trained_on_; }

  // The positions of all existing loaders, in the order in which they were prepared.
  std::string_view state_name() const override { return "data_loaders"; }
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  std::vector<std::shared_ptr<Stateful>> live() const;

  std::vector<std::weak_ptr<Stateful>> loaders_;
  std::vector<std::weak_ptr<LoaderProgress>> stack_;
  // The batch that was returned last is at the end.
  std::vector<KeptBatch> kept_batches_;

  // For each pass, the batch that the program holds and has not trained on yet.
  struct HeldBatch {
    const LoaderProgress* pass;
    int64_t samples;
  };
  std::vector<HeldBatch> held_batches_;
  int64_t samples_trained_on_ = 0;
};

}  // namespace accelerate
