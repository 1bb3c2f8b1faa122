#include "accelerate/layout/buckets.h"

#include <map>

#include "accelerate/layout/flat_buffer.h"

namespace accelerate::internal {

std::vector<std::vector<size_t>> fill_buckets(const std::vector<at::Tensor>& tensors,
                                              const BucketSizes& sizes) {
  constexpr double kBytesPerMb = 1024.0 * 1024.0;
  struct Open {
    size_t bucket;
    double bytes = 0;
  };
  std::vector<std::vector<size_t>> buckets;
  std::map<TypeAndDevice, Open> open;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TypeAndDevice key = type_and_device(tensors[i]);
    const auto [place, is_new] = open.try_emplace(key, Open{buckets.size()});
    if (is_new) buckets.emplace_back();
    Open& current = place->second;
    buckets[current.bucket].push_back(i);
    current.bytes += static_cast<double>(tensors[i].nbytes());
    const double cap = current.bucket == 0 ? sizes.first_mb : sizes.cap_mb;
    if (current.bytes >= cap * kBytesPerMb) open.erase(key);
  }
  return buckets;
}

}  // namespace accelerate::internal
