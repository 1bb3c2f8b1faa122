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
// Numbers are as they lie in this machine's memory, so that both sides are of one kind. A writer
// and a reader are each for one thread. Part of serialized.h; not for others.
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

// Keeps who walks over a value from running out of stack: throws c10::Error where values lie too
// deep in one another.
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
  // Memory that stays as it is until finish(), where it is copied once.
  void block(const void* data, size_t size);
  // Dense and not quantized, of any device; else throws c10::Error.
  void tensor(const at::Tensor& tensor);
  // All of it, in order; to be called once.
  std::string finish();

  // For a Nesting.
  int depth = 0;

 private:
  struct Block {
    // Behind so many bytes of small_.
    size_t place;
    const char* data;
    size_t size;
  };

  std::string small_;
  std::vector<Block> blocks_;
  // Whose memory blocks are.
  std::vector<at::Tensor> kept_;
};

// Each function throws c10::Error, and reads nothing, where the bytes end too early or cannot be
// what is asked for.
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
  // How many elements follow, each of at least so many bytes.
  size_t count(size_t bytes_of_each);
  std::string_view block(uint64_t size);
  // On the CPU, in memory of its own.
  at::Tensor tensor();
  // That all has been read.
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
