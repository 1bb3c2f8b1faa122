// A value as bytes, written and read piece by piece; serialized.h says which pieces a value has.
//
//   ByteWriter out;
//   out.number(uint64_t{3});
//   out.tensor(logits);
//   const std::string bytes = out.finish();
//   ByteReader in(bytes);
//   const auto count = in.number<uint64_t>();
//   const at::Tensor read = in.tensor();
//
// Numbers have this machine's representation, so both sides must be machines of one kind. Use a
// writer or a reader in one thread only. Part of serialized.h; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace accelerate::internal {

// Keeps a walk over a value from running out of stack: throws c10::Error if values are nested too
// deep.
class Nesting {
 public:
  explicit Nesting(int& depth);
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  int& depth_;
};

class ByteWriter {
 public:
  // Whether a type that cannot be written is an error at run time, and not at compile time.
  static constexpr bool is_lenient = false;

  template <class T>
  void number(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    copy(&value, sizeof(T));
  }
  void copy(const void* data, size_t size) { small_.append(static_cast<const char*>(data), size); }
  // Refers to memory that must not change until finish(), which copies it once.
  void block(const void* data, size_t size);
  // Takes a tensor on any device. Throws c10::Error if it is sparse or quantized.
  void tensor(const at::Tensor& tensor);
  // Returns all bytes in order. Call it once.
  std::string finish();

  // For a Nesting.
  int depth = 0;

 private:
  struct Block {
    // How many bytes of small_ come before it.
    size_t place;
    const char* data;
    size_t size;
  };

  std::string small_;
  std::vector<Block> blocks_;
  // Tensors that own the memory of blocks.
  std::vector<at::Tensor> kept_;
};

// Each function throws c10::Error, and reads nothing, if the bytes end too early or cannot be what
// the caller asks for.
class ByteReader {
 public:
  static constexpr bool is_lenient = false;

  // The bytes must outlive it.
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, block(sizeof(T)).data(), sizeof(T));
    return value;
  }
  // How many elements follow, each of which takes at least `bytes_of_each` bytes.
  size_t count(size_t bytes_of_each);
  std::string_view block(uint64_t size);
  // The tensor is on the CPU and owns its memory.
  at::Tensor tensor();
  // Throws c10::Error unless everything has been read.
  void finish() const;
  [[noreturn]] void refuse(const std::string& what) const;

  // For a Nesting.
  int depth = 0;

 private:
  size_t left() const { return bytes_.size() - at_; }

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace accelerate::internal
