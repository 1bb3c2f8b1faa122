// A small struct, or an array of such, that lies where the training is: kernels on a GPU read and
// write it there, so that a step need not wait for the host, and on the CPU it is a value like any
// other.
//
//   DeviceValue<kernels::Step> step(device);
//   begin_step(device, inputs, step.get());
//   const at::Tensor factor = step.member(offsetof(kernels::Step, gradient_factor), at::kDouble);
//   if (step.read().overflow) take_it_back();  // Waits for the device.
//
// Its address and the memory behind its tensors stay the same for its lifetime, as a captured step
// needs. Not for data that a program holds: that is what tensors are for. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <deque>
#include <span>
#include <type_traits>
#include <vector>

namespace accelerate {

namespace internal {

// The bytes of a DeviceValue or a DeviceArray.
class DeviceBytes {
 public:
  DeviceBytes(c10::Device device, const void* initial, std::size_t size);

  void read(void* to) const;
  // Does not wait for the device.
  void write(const void* from) { write(from, 0, bytes_.nbytes()); }
  void write(const void* from, std::size_t offset, std::size_t size);
  // A 0-dim tensor over the bytes that begin at the offset.
  at::Tensor member(std::size_t offset, c10::ScalarType type) const;

  const at::Tensor& whole() const { return bytes_; }

 private:
  at::Tensor bytes_;
};

}  // namespace internal

template <class T>
class DeviceValue {
  static_assert(std::is_trivially_copyable_v<T>, "devices get their values byte by byte");

 public:
  explicit DeviceValue(c10::Device device, const T& initial = {})
      : bytes_(device, &initial, sizeof(T)) {}

  // Of the memory on the device.
  T* get() const { return static_cast<T*>(bytes_.whole().data_ptr()); }
  c10::Device device() const { return bytes_.whole().device(); }

  // After everything that was launched; waits for it on a GPU.
  T read() const {
    T value;
    bytes_.read(&value);
    return value;
  }
  // Before everything that is launched from then on.
  void write(const T& value) { bytes_.write(&value); }

  // A 0-dim tensor that is the member at this offset, for LibTorch's operators.
  at::Tensor member(std::size_t offset, c10::ScalarType type) const {
    return bytes_.member(offset, type);
  }

 private:
  internal::DeviceBytes bytes_;
};

// One value for each device that it is asked for, kept from then on.
template <class T>
class PerDevice {
 public:
  DeviceValue<T>& on(c10::Device device) {
    for (DeviceValue<T>& value : values_) {
      if (value.device() == device) return value;
    }
    return values_.emplace_back(device);
  }

 private:
  std::deque<DeviceValue<T>> values_;
};

template <class T>
class DeviceArray {
  static_assert(std::is_trivially_copyable_v<T>, "devices get their values byte by byte");

 public:
  // At least one value.
  DeviceArray(c10::Device device, std::span<const T> initial)
      : size_(initial.size()), bytes_(device, initial.data(), initial.size_bytes()) {}

  // Of the memory on the device.
  T* get() const { return static_cast<T*>(bytes_.whole().data_ptr()); }
  std::size_t size() const { return size_; }

  // As of DeviceValue; as many values as there are.
  std::vector<T> read() const {
    std::vector<T> values(size_);
    bytes_.read(values.data());
    return values;
  }
  void write(std::span<const T> values) { bytes_.write(values.data()); }
  void write(std::size_t index, const T& value) {
    bytes_.write(&value, index * sizeof(T), sizeof(T));
  }

 private:
  std::size_t size_;
  internal::DeviceBytes bytes_;
};

}  // namespace accelerate
