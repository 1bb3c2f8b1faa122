// A small struct, or an array of structs, in the memory of the training's device: kernels on a GPU
// read and write it there, so a step need not wait for the host. On the CPU it is a value like any
// other.
//
//   DeviceValue<kernels::Step> step(device);
//   begin_step(device, inputs, step.get());
//   const at::Tensor factor = step.member(offsetof(kernels::Step, gradient_factor), at::kDouble);
//   if (step.read().overflow) take_it_back();  // Waits for the device.
//
// Its address and the memory of its tensors do not change during its lifetime, as a captured step
// requires. Not for a program's data: use tensors. Not thread-safe.
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
  // A 0-dim tensor that views the bytes at the offset.
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

  // The address of the memory on the device.
  T* get() const { return static_cast<T*>(bytes_.whole().data_ptr()); }
  c10::Device device() const { return bytes_.whole().device(); }

  // Reads the value after everything that was launched; waits for that on a GPU.
  T read() const {
    T value;
    bytes_.read(&value);
    return value;
  }
  // Takes effect before everything that is launched afterwards.
  void write(const T& value) { bytes_.write(&value); }

  // A 0-dim tensor that views the member at this offset, for LibTorch's operators.
  at::Tensor member(std::size_t offset, c10::ScalarType type) const {
    return bytes_.member(offset, type);
  }

 private:
  internal::DeviceBytes bytes_;
};

// Creates one value for each device that it is asked for, and keeps it.
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
  // `initial` has at least one value.
  DeviceArray(c10::Device device, std::span<const T> initial)
      : size_(initial.size()), bytes_(device, initial.data(), initial.size_bytes()) {}

  // The address of the memory on the device.
  T* get() const { return static_cast<T*>(bytes_.whole().data_ptr()); }
  std::size_t size() const { return size_; }

  // Like those of DeviceValue, for all size() values.
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
