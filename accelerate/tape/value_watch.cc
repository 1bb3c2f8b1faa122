#include "accelerate/tape/value_watch.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace accelerate::internal {

ValueWatch::Part ValueWatch::part_of(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return {0, 0};
  int64_t last = 0;
  for (int64_t i = 0; i < tensor.dim(); ++i) last += (tensor.size(i) - 1) * tensor.stride(i);
  const size_t size = tensor.element_size();
  const size_t first = tensor.storage_offset() * size;
  return {first, first + (last + 1) * size};
}

size_t ValueWatch::hash_of(const c10::StorageImpl& storage, const Part& part) {
  // An operator may have made it smaller since.
  const size_t end = std::min(part.second, storage.nbytes());
  if (part.first >= end) return 0;
  const auto* bytes = static_cast<const char*>(storage.data());
  return std::hash<std::string_view>{}({bytes + part.first, end - part.first});
}

void ValueWatch::note(const c10::Storage& storage, const Part& part) {
  Watched& watched =
      watched_.try_emplace(storage.unsafeGetStorageImpl(), Watched{storage.getWeakStorageImpl()})
          .first->second;
  const size_t now = hash_of(*storage.unsafeGetStorageImpl(), part);
  const auto [noted, is_new] = watched.hashes.try_emplace(part, now);
  if (is_new || noted->second == now) return;
  // An operator has written it without saying so, and perhaps parts that overlap.
  watched.hashes.clear();
  watched.hashes.emplace(part, now);
}

void ValueWatch::note(const at::Tensor& tensor) { note(tensor.storage(), part_of(tensor)); }

void ValueWatch::note_all_of(const c10::Storage& storage) {
  forget(storage.unsafeGetStorageImpl());
  note(storage, {0, storage.nbytes()});
}

bool ValueWatch::is_noted(const at::Tensor& tensor) const {
  const auto watched = watched_.find(tensor.storage().unsafeGetStorageImpl());
  return watched != watched_.end() && watched->second.hashes.contains(part_of(tensor));
}

bool ValueWatch::is_as_noted(const at::Tensor& tensor) const {
  const auto* storage = tensor.storage().unsafeGetStorageImpl();
  const auto watched = watched_.find(storage);
  if (watched == watched_.end()) return true;
  const auto noted = watched->second.hashes.find(part_of(tensor));
  return noted == watched->second.hashes.end() || noted->second == hash_of(*storage, noted->first);
}

bool ValueWatch::all_are_as_noted() const {
  return std::all_of(watched_.begin(), watched_.end(), [](const auto& each) {
    const auto storage = each.second.storage.lock();
    const auto& hashes = each.second.hashes;
    return !storage || std::all_of(hashes.begin(), hashes.end(), [&storage](const auto& noted) {
      return noted.second == hash_of(*storage, noted.first);
    });
  });
}

void ValueWatch::note_all_again() {
  for (auto& [address, watched] : watched_) {
    const auto storage = watched.storage.lock();
    if (!storage) continue;
    for (auto& [part, hash] : watched.hashes) hash = hash_of(*storage, part);
  }
}

}  // namespace accelerate::internal
