// What a flight record keeps about a collective: a value of a fixed size, without pointers, because
// other processes read it.
//
// Example:
//   CollectiveFacts facts = {.kind = CollectiveKind::kAllReduce, .type = ElementType::kFloat};
//   facts.set_sizes({1000, 10});
//   recorder.end(recorder.begin(facts));
//
// Not for the values of the tensors: they are not recorded.
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
  kReplay,  // A captured step that a GPU replays, with all collectives in it.
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

  std::uint64_t number = 0;  // Among the collectives of its communicator, from 1.
  std::uint64_t begun = 0;   // CLOCK_MONOTONIC in nanoseconds; the recorder sets it.
  std::array<std::int64_t, kMostSizes> sizes = {};  // Of this rank's tensor.
  std::int64_t num_elements = 0;
  std::int64_t tag = 0;
  // The communicator: an id that all of its ranks share and no other communicator has; its number
  // in this process, which is 0 for the communicator of all processes of the run; how many ranks it
  // has.
  std::uint64_t communicator_id = 0;
  std::uint32_t communicator = 0;
  std::uint32_t num_ranks = 0;
  // The place in the program, with `file` and `what`; the recorder sets it from the PlaceScope.
  std::uint32_t line = 0;
  CollectiveKind kind = CollectiveKind::kUnknown;
  ElementType type = ElementType::kNone;
  std::uint8_t num_sizes = 0;  // All dimensions count, also beyond kMostSizes.
  // 1 if the host only hands it to a GPU and waits for nobody; its end then says no more than that.
  // An integer, because memory that others write may hold any value.
  std::uint8_t is_on_gpu = 0;
  std::array<char, 40> file = {};  // The end of a longer path; padded with zeros.
  std::array<char, 24> what = {};

  void set_sizes(const std::int64_t* first, std::size_t count);
  void set_sizes(std::initializer_list<std::int64_t> given) {
    set_sizes(given.begin(), given.size());
  }

  // For people: "all_reduce 1041 (float [1000, 10])" in the communicator of all processes,
  // otherwise "all_reduce 7 of communicator 2 (long [])". Safe for any contents.
  std::string name() const;
  // "`backward` (main.cc:88)"; empty if no PlaceScope was set.
  std::string place() const;
  // The size of the tensor; 0 for kOther, whose size is unknown.
  std::int64_t num_bytes() const;
  // Whether two ranks that make these calls make the same call.
  bool agrees_with(const CollectiveFacts& other) const;
};

// The text up to the first zero.
std::string_view text_of(const char* first, std::size_t size);

}  // namespace accelerate::launcher
