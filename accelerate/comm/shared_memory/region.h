// Memory that processes of one host share. It has no name, and is freed when the last process that
// holds it ends, however it ends.
//
//   auto region = Region::create(bytes);                   // One process; zeros.
//   const DescriptorOffer offer(region->descriptor());
//   auto same = Region::open(take_descriptor(source, timeout), bytes);   // Another.
//
// A page uses memory once it is touched.
#pragma once

#include <cstdint>
#include <memory>

namespace accelerate::internal {

class Region {
 public:
  // Both throw std::exception if the memory is not available.
  static std::unique_ptr<Region> create(int64_t bytes);
  // Takes ownership of the descriptor of a region with this many bytes.
  static std::unique_ptr<Region> open(int descriptor, int64_t bytes);

  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  // Aligned to a page boundary.
  void* memory() const { return memory_; }
  int descriptor() const { return descriptor_; }

 private:
  Region(int descriptor, int64_t bytes) : descriptor_(descriptor), bytes_(bytes) {}
  void map();

  const int descriptor_;
  const int64_t bytes_;
  void* memory_ = nullptr;
};

}  // namespace accelerate::internal
