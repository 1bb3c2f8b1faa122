// Lists of objects that the program may release at any time.
//
//   for (const std::shared_ptr<ModelState>& model : live(known_models)) use(*model);
//
// Part of the Session's parts; not for others.
#pragma once

#include <c10/util/SmallVector.h>

#include <memory>
#include <utility>
#include <vector>

namespace accelerate::internal {

// Holds as many as most programs have without an allocation, because each step asks for such lists.
template <class T>
using LiveList = c10::SmallVector<std::shared_ptr<T>, 4>;

// The objects that are still alive, in the order of `known`.
template <class T>
LiveList<T> live(const std::vector<std::weak_ptr<T>>& known) {
  LiveList<T> result;
  for (const std::weak_ptr<T>& weak : known) {
    if (auto object = weak.lock()) result.push_back(std::move(object));
  }
  return result;
}

}  // namespace accelerate::internal
