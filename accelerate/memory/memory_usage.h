// What of a device's memory a run holds, tensor by tensor and by kind, and how much others hold:
// the activations of a pass, captured steps, and what LibTorch keeps for itself.
//
//   const MemoryUsage usage = accelerator.memory();
//   accelerator.print(usage);
//   if (usage.bytes_of(MemoryKind::kOptimizer) > usage.other()) accelerator.print("try Lion");
//
// Known are prepared models and the optimizers of the library's own kinds. Not for the bytes of a
// model that has not been made yet: `accelerate estimate-memory` estimates those.
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

// A bucket is memory in which gradients travel. Gradients that lie in one count as gradients.
enum class MemoryKind { kParameter, kBuffer, kGradient, kBucket, kOptimizer };
inline constexpr size_t kNumMemoryKinds = 5;

// As a table calls all of a kind: "parameters", "optimizer state".
std::string_view name_of(MemoryKind kind);

struct HeldTensor {
  MemoryKind kind;
  // As in the module, with what it is of that: "layer.weight", "layer.weight.exp_avg".
  std::string name;
  // Of the memory that it lies in, what no tensor before it had: a view of another one has none.
  int64_t bytes;
};

struct MemoryUsage {
  // The largest first; of equal ones, in the order of kinds and names.
  std::vector<HeldTensor> held = {};
  // On a GPU what all tensors have together, on a CPU what the process has of the machine's memory:
  // now, and the most at one time.
  int64_t in_use = 0;
  int64_t peak = 0;
  // Of a GPU: the largest pieces that hold nothing of the above.
  std::vector<int64_t> largest_others = {};

  int64_t bytes_of(MemoryKind kind) const;
  // What is in use and not known.
  int64_t other() const;
};

// A table of several lines, the kinds by name with the largest tensor of each.
std::ostream& operator<<(std::ostream& out, const MemoryUsage& usage);

// As in MemoryUsage.
int64_t memory_in_use(c10::Device device);
int64_t peak_memory(c10::Device device);

namespace internal {

// Collects what is held. Each byte counts once, however many tensors lie over it: for the first of
// them, and what none lies over, of a storage that some are views of, for the first view.
class HeldTensors {
 public:
  explicit HeldTensors(c10::Device device) : device_(device) {}

  // Tensors of other devices and undefined ones are left out. Buckets come last: so of these counts
  // what nothing else lies in.
  void add(MemoryKind kind, std::string name, const at::Tensor& tensor);

  // All that was added, and the device's figures.
  MemoryUsage usage() const;

 private:
  // Addresses, from `begin` to before `end`.
  struct Bytes {
    std::uintptr_t begin;
    std::uintptr_t end;
  };
  class ByteSet;
  struct Added {
    MemoryKind kind;
    std::string name;
    // From its first value to its last one, in the memory that is kept for it.
    Bytes values;
    Bytes storage;
  };

  void add_memory(MemoryKind kind, std::string name, const at::Tensor& tensor);

  c10::Device device_;
  std::vector<Added> added_;
};

}  // namespace internal
}  // namespace accelerate
