// What a flight record keeps of a collective: a value of a fixed size, without pointers, since
// other processes read it.
//
// Example:
//   CollectiveFacts facts = {.kind = CollectiveKind::kAllReduce, .type = ElementType::kFloat};
//   facts.set_sizes({1000, 10});
//   recorder.end(recorder.begin(facts));
//
// Not for what a collective does with its tensors: nothing of their values is in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace accelerate::launcher {

enum class CollectiveKind : std::uint8_t {
  kUnknown,
  kAllReduce,
  kReduceScatter,
  kAllGather,
  kBroadcast,
  kBarrier,
  kReplay,  // A captured step that a GPU replays by itself, with all collectives in it.
};

enum class ElementType : std::uint8_t {
  kNone,
  kBool,
  kUInt8,
  kInt8,
  kInt16,
  kUInt16,
  kInt32,
  kInt64,
  kHalf,
  kBFloat16,
  kFloat,
  kDouble,
  kComplexFloat,
  kComplexDouble,
  kOther,
};

// "all_reduce".
const char* to_string(CollectiveKind kind);
// "float".
const char* to_string(ElementType type);

struct CollectiveFacts {
  static constexpr std::size_t kMostSizes = 6;

  std::uint64_t number = 0;  // Among those of its communicator, from 1.
  std::uint64_t begun = 0;   // CLOCK_MONOTONIC in nanoseconds; the recorder sets it.
  std::array<std::int64_t, kMostSizes> sizes = {};  // Of the tensor that this rank gives.
  std::int64_t num_elements = 0;
  std::int64_t tag = 0;
  // Of the communicator: the same on all of its ranks and on no other one; how it is called here,
  // 0 for all processes of the run; how many ranks it has.
  std::uint64_t communicator_id = 0;
  std::uint32_t communicator = 0;
  std::uint32_t num_ranks = 0;
  // Where in the program: a PlaceScope sets it.
  std::uint32_t line = 0;
  CollectiveKind kind = CollectiveKind::kUnknown;
  ElementType type = ElementType::kNone;
  std::uint8_t num_sizes = 0;  // Of a tensor with more than kMostSizes, all of them are counted.
  // 1 where the host only hands it to a GPU, and waits for nobody: that it has ended says no more
  // then. A number, because memory that others write may hold any.
  std::uint8_t is_on_gpu = 0;
  std::array<char, 40> file = {};  // Its end, where it is longer; filled up with zeros.
  std::array<char, 24> what = {};

  void set_sizes(const std::int64_t* first, std::size_t count);
  void set_sizes(std::initializer_list<std::int64_t> given) {
    set_sizes(given.begin(), given.size());
  }

  // For people: "all_reduce 1041 (float [1000, 10])". Of the world's communicator, or
  // "all_reduce 7 of communicator 2 (long [])". For any contents.
  std::string name() const;
  // "`backward` (main.cc:88)"; empty where nobody has told.
  std::string place() const;
  // Of the tensor; nothing is known of kOther.
  std::int64_t num_bytes() const;
  // Whether ranks that call both call the same.
  bool agrees_with(const CollectiveFacts& other) const;
};

// The text in front of the first zero.
std::string_view text_of(const char* first, std::size_t size);

}  // namespace accelerate::launcher
