// Lists of what the program may let go of at any time.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace accelerate::internal {

// Those that live, in their order.
template <class T>
std::vector<std::shared_ptr<T>> live(const std::vector<std::weak_ptr<T>>& known) {
  std::vector<std::shared_ptr<T>> result;
  for (const std::weak_ptr<T>& weak : known) {
    if (auto object = weak.lock()) result.push_back(std::move(object));
  }
  return result;
}

}  // namespace accelerate::internal
