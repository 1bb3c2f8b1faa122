// How much of a device's memory a run uses, tensor by tensor and by kind, and how much everything
// else uses: activations, captured steps, and what LibTorch keeps for itself.
//
//   const MemoryUsage usage = accelerator.memory();
//   accelerator.print(usage);
//   if (usage.bytes_of(MemoryKind::kOptimizer) > usage.other()) accelerator.print("try Lion");
//
// It knows prepared models, and prepared optimizers that have a fused form. Not for a model that
// does not exist yet: use `accelerate estimate-memory`.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace accelerate {

// A bucket is memory in which gradients travel. Gradients in a bucket count as gradients.
enum class MemoryKind { kParameter, kBuffer, kGradient, kBucket, kOptimizer };
inline constexpr size_t kNumMemoryKinds = 5;

// The plural name in a table: "parameters", "optimizer state".
std::string_view name_of(MemoryKind kind);

struct HeldTensor {
  MemoryKind kind;
  // The name in the module, with a suffix for state: "layer.weight", "layer.weight.exp_avg".
  std::string name;
  // The bytes of its memory that no earlier tensor in the list has: 0 for a view of another tensor.
  int64_t bytes;
};

struct MemoryUsage {
  // The largest first; equal ones in the order of kinds and names.
  std::vector<HeldTensor> held = {};
  // Now, and at the peak: on a GPU the memory of all tensors, on a CPU the memory of the whole
  // process.
  int64_t in_use = 0;
  int64_t peak = 0;
  // On a GPU: the largest blocks that hold none of the above.
  std::vector<int64_t> largest_others = {};

  int64_t bytes_of(MemoryKind kind) const;
  // What is in use and not in `held`.
  int64_t other() const;
};

// Writes a table of several lines: the kinds by name, with the largest tensor of each.
std::ostream& operator<<(std::ostream& out, const MemoryUsage& usage);

// As in MemoryUsage.
int64_t memory_in_use(c10::Device device);
int64_t peak_memory(c10::Device device);

namespace internal {

// Collects what is held. Each byte counts once, for the first tensor that covers it. Bytes of a
// storage that no tensor covers count for the first view into it.
class HeldTensors {
 public:
  explicit HeldTensors(c10::Device device) : device_(device) {}

  // Ignores undefined tensors and those of other devices. Add buckets last, so that only their
  // unused part counts as a bucket.
  void add(MemoryKind kind, std::string name, const at::Tensor& tensor);

  // Everything that was added, and the device's figures.
  MemoryUsage usage() const;

 private:
  // Addresses from `begin` up to, but not including, `end`.
  struct Bytes {
    std::uintptr_t begin;
    std::uintptr_t end;
  };
  class ByteSet;
  struct Added {
    MemoryKind kind;
    std::string name;
    // From its first value to its last one, within its storage.
    Bytes values;
    Bytes storage;
  };

  void add_memory(MemoryKind kind, std::string name, const at::Tensor& tensor);

  c10::Device device_;
  std::vector<Added> added_;
};

}  // namespace internal
}  // namespace accelerate
