// Which loader a program is iterating over, innermost first, and how far it is. A loader pushes its
// progress when an iteration begins; when the iteration ends, or its iterator goes, the loader
// outside it is current again. gather_for_metrics() asks here whether the last batch holds repeated
// samples.
//
//   auto progress = std::make_shared<LoaderProgress>(LoaderProgress{.remainder =
//   shard.remainder()}); loaders.push(progress);
//
// Not thread-safe: a program iterates from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace accelerate {

struct LoaderProgress {
  // Whether the batch that the program holds is the last of the epoch.
  bool end_of_dataloader = false;
  // As BatchShard::remainder().
  int64_t remainder = -1;
};

class ActiveLoaders {
 public:
  void push(const std::shared_ptr<LoaderProgress>& progress) { stack_.push_back(progress); }

  // The innermost loader under iteration, or none.
  std::shared_ptr<const LoaderProgress> current() {
    while (!stack_.empty() && stack_.back().expired()) stack_.pop_back();
    return stack_.empty() ? nullptr : stack_.back().lock();
  }

 private:
  std::vector<std::weak_ptr<LoaderProgress>> stack_;
};

}  // namespace accelerate
