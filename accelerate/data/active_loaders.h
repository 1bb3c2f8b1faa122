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
#include <memory>
#include <optional>
#include <vector>

namespace accelerate {

struct LoaderProgress {
  // Batches of the epoch after the one that the program holds.
  int64_t batches_left = 0;
  // As BatchShard::remainder().
  int64_t remainder = -1;

  // Whether the batch that the program holds is the last of the epoch.
  bool end_of_dataloader() const { return batches_left == 0; }
};

class ActiveLoaders {
 public:
  void push(const std::shared_ptr<LoaderProgress>& progress) { stack_.push_back(progress); }

  // The innermost loader under iteration, or none.
  std::shared_ptr<const LoaderProgress> current() {
    while (!stack_.empty() && stack_.back().expired()) stack_.pop_back();
    return stack_.empty() ? nullptr : stack_.back().lock();
  }

  // What passes that begin from now on do with a last round that is not full, whatever was chosen
  // when their loader was prepared.
  std::optional<bool> even_batches;

 private:
  std::vector<std::weak_ptr<LoaderProgress>> stack_;
};

}  // namespace accelerate
