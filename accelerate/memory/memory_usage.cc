#include "accelerate/memory/memory_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "accelerate/process/cuda.h"
#include "launcher/text/human_size.h"

namespace accelerate {
namespace {

constexpr size_t kMostOthers = 5;

// Bytes from a tensor's first value to behind its last one, however it is expanded or strided.
int64_t extent_of(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return 0;
  int64_t last = 0;
  for (int64_t i = 0; i < tensor.dim(); ++i) last += (tensor.size(i) - 1) * tensor.stride(i);
  return (last + 1) * static_cast<int64_t>(tensor.itemsize());
}

}  // namespace

std::string_view name_of(MemoryKind kind) {
  constexpr std::array<std::string_view, kNumMemoryKinds> kNames = {
      "parameters", "buffers", "gradients", "gradient buckets", "optimizer state"};
  return kNames[static_cast<size_t>(kind)];
}

int64_t MemoryUsage::bytes_of(MemoryKind kind) const {
  return std::accumulate(held.begin(), held.end(), int64_t{0},
                         [kind](int64_t sum, const HeldTensor& tensor) {
                           return tensor.kind == kind ? sum + tensor.bytes : sum;
                         });
}

int64_t MemoryUsage::other() const {
  int64_t known = 0;
  for (const HeldTensor& tensor : held) known += tensor.bytes;
  return std::max<int64_t>(0, in_use - known);
}

std::ostream& operator<<(std::ostream& out, const MemoryUsage& usage) {
  const auto row = [&out](std::string_view name, int64_t bytes, const std::string& remark) {
    out << absl::StrFormat("\n  %-16s %11s", name, launcher::human_size(bytes));
    if (!remark.empty()) out << "   " << remark;
  };
  out << launcher::human_size(usage.in_use) << " in use, " << launcher::human_size(usage.peak)
      << " at most";
  for (size_t i = 0; i < kNumMemoryKinds; ++i) {
    const auto kind = static_cast<MemoryKind>(i);
    const auto largest =
        std::find_if(usage.held.begin(), usage.held.end(),
                     [kind](const HeldTensor& tensor) { return tensor.kind == kind; });
    if (largest == usage.held.end()) continue;
    row(name_of(kind), usage.bytes_of(kind),
        absl::StrFormat("the largest: %s, %s", largest->name,
                        launcher::human_size(largest->bytes)));
  }
  std::string others;
  for (const int64_t bytes : usage.largest_others)
    others += (others.empty() ? "the largest: " : ", ") + launcher::human_size(bytes);
  row("other", usage.other(), others);
  return out;
}

int64_t memory_in_use(c10::Device device) {
  if (device.is_cuda()) return cuda::memory_in_use(device.index());
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t peak_memory(c10::Device device) {
  if (device.is_cuda()) return cuda::peak_memory(device.index());
  // Of this program. What getrusage() tells begins with what started it.
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

namespace internal {

// Addresses, each of which is in it once.
class HeldTensors::ByteSet {
 public:
  // How many of these were not in it yet.
  int64_t add(Bytes bytes) {
    if (bytes.begin >= bytes.end) return 0;
    auto fresh = static_cast<int64_t>(bytes.end - bytes.begin);
    // What overlaps it, or is next to it, becomes one range with it.
    Bytes merged = bytes;
    auto at = first_that_ends_from(bytes.begin);
    while (at != ends_.end() && at->first <= bytes.end) {
      const auto [begin, end] = *at;
      const std::uintptr_t common = std::max(begin, bytes.begin);
      fresh -= static_cast<int64_t>(std::max(std::min(end, bytes.end), common) - common);
      merged = {std::min(merged.begin, begin), std::max(merged.end, end)};
      at = ends_.erase(at);
    }
    ends_.emplace(merged.begin, merged.end);
    return fresh;
  }

  bool has_any_of(Bytes bytes) const {
    auto at = ends_.lower_bound(bytes.end);
    return at != ends_.begin() && std::prev(at)->second > bytes.begin;
  }

 private:
  std::map<std::uintptr_t, std::uintptr_t>::iterator first_that_ends_from(std::uintptr_t place) {
    auto at = ends_.upper_bound(place);
    if (at != ends_.begin() && std::prev(at)->second >= place) --at;
    return at;
  }

  // Of ranges that do not touch each other, by where they begin.
  std::map<std::uintptr_t, std::uintptr_t> ends_;
};

void HeldTensors::add(MemoryKind kind, std::string name, const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.device() != device_) return;
  if (tensor.is_sparse()) {
    add_memory(kind, name + ".indices", tensor._indices());
    add_memory(kind, name + ".values", tensor._values());
  } else if (tensor.has_storage()) {
    add_memory(kind, std::move(name), tensor);
  }
}

void HeldTensors::add_memory(MemoryKind kind, std::string name, const at::Tensor& tensor) {
  const auto range = [](const void* begin, int64_t bytes) {
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    return Bytes{address, address + static_cast<std::uintptr_t>(bytes)};
  };
  const c10::Storage& storage = tensor.storage();
  added_.push_back({.kind = kind,
                    .name = std::move(name),
                    .values = range(tensor.const_data_ptr(), extent_of(tensor)),
                    .storage = range(storage.data(), static_cast<int64_t>(storage.nbytes()))});
}

MemoryUsage HeldTensors::usage() const {
  std::vector<HeldTensor> all;
  ByteSet counted;
  for (const Added& each : added_) all.push_back({each.kind, each.name, counted.add(each.values)});
  for (size_t i = 0; i < all.size(); ++i) all[i].bytes += counted.add(added_[i].storage);
  MemoryUsage usage;
  std::ranges::copy_if(all, std::back_inserter(usage.held),
                       [](const HeldTensor& tensor) { return tensor.bytes > 0; });
  std::sort(usage.held.begin(), usage.held.end(), [](const HeldTensor& a, const HeldTensor& b) {
    return std::tie(b.bytes, a.kind, a.name) < std::tie(a.bytes, b.kind, b.name);
  });
  usage.in_use = memory_in_use(device_);
  // Linux counts what a process has in steps, and the most in others.
  usage.peak = std::max(peak_memory(device_), usage.in_use);
  if (!device_.is_cuda()) return usage;
  for (const cuda::MemoryBlock& block : cuda::memory_blocks(device_.index())) {
    const auto begin = reinterpret_cast<std::uintptr_t>(block.begin);
    if (!counted.has_any_of({begin, begin + static_cast<std::uintptr_t>(block.bytes)}))
      usage.largest_others.push_back(block.bytes);
  }
  std::sort(usage.largest_others.begin(), usage.largest_others.end(), std::greater<>());
  usage.largest_others.resize(std::min(usage.largest_others.size(), kMostOthers));
  return usage;
}

}  // namespace internal
}  // namespace accelerate
