#include "accelerate/memory/memory_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <numeric>
#include <ostream>
#include <ranges>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "accelerate/process/cuda.h"
#include "launcher/text/human_size.h"

namespace accelerate {
namespace {

constexpr size_t kMostOthers = 5;

using Held = std::multimap<const char*, HeldTensor>;

// What begins in a piece of memory.
auto inside(const Held& held, const void* begin, int64_t bytes) {
  const auto* first = static_cast<const char*>(begin);
  return std::ranges::subrange(held.lower_bound(first), held.lower_bound(first + bytes));
}

std::vector<int64_t> largest_others(int device, const Held& held) {
  std::vector<int64_t> sizes;
  for (const cuda::MemoryBlock& block : cuda::memory_blocks(device))
    if (inside(held, block.begin, block.bytes).empty()) sizes.push_back(block.bytes);
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  sizes.resize(std::min(sizes.size(), kMostOthers));
  return sizes;
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
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

namespace internal {

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
  const auto* begin = static_cast<const char*>(tensor.const_data_ptr());
  auto bytes = static_cast<int64_t>(tensor.nbytes());
  if (kind == MemoryKind::kBucket) {
    for (const auto& [place, known] : inside(held_, begin, bytes)) bytes -= known.bytes;
  } else if (held_.contains(begin)) {
    return;
  }
  if (bytes > 0) held_.emplace(begin, HeldTensor{kind, std::move(name), bytes});
}

MemoryUsage HeldTensors::usage() const {
  MemoryUsage usage;
  for (const auto& [place, tensor] : held_) usage.held.push_back(tensor);
  std::sort(usage.held.begin(), usage.held.end(), [](const HeldTensor& a, const HeldTensor& b) {
    return std::tie(b.bytes, a.kind, a.name) < std::tie(a.bytes, b.kind, b.name);
  });
  usage.in_use = memory_in_use(device_);
  // Linux counts what a process has in steps, and the most in others.
  usage.peak = std::max(peak_memory(device_), usage.in_use);
  if (device_.is_cuda()) usage.largest_others = largest_others(device_.index(), held_);
  return usage;
}

}  // namespace internal
}  // namespace accelerate
