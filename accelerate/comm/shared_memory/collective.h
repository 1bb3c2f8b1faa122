// One collective operation on raw memory, as a Lane carries it out.
//
//   auto copy = std::make_shared<Collective>();  // On the root, of 100 floats.
//   copy->signature = {.kind = CollectiveKind::kBroadcast, .type = at::kFloat, .count = 100};
//   copy->bytes = 400;
//   copy->inputs = {data};
//   lane.start(copy);
//
// Not for tensors: tensor_collective.h makes theirs.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/combine/combine.h"

namespace accelerate::internal {

enum class CollectiveKind : uint8_t {
  kAllReduce,
  kBroadcast,
  kAllGather,
  kReduceScatter,
  kScatter,
  kBarrier
};

// What ranks have to agree on. It lies in shared memory, hence fixed sizes.
struct CollectiveSignature {
  CollectiveKind kind = CollectiveKind::kBarrier;
  // What the program calls, of which this may be a part.
  CollectiveKind called = kind;
  kernels::CombineOperation operation = kernels::CombineOperation::kSum;
  c10::ScalarType type = c10::ScalarType::Byte;
  int32_t root = 0;   // A rank of the lane; of a kBroadcast and a kScatter.
  int64_t count = 0;  // Elements of `type` that a rank gives, or gets as its part alone.
  int64_t divisor = 1;
  // What the collective is for, as its caller says; 0 for nothing in particular.
  int64_t tag = 0;
  // How many collectives of the lane came before.
  int64_t number = 0;

  bool operator==(const CollectiveSignature&) const = default;
};

// "all_reduce number 3 (the sum of 100 Float)"
std::string to_string(const CollectiveSignature& signature);

struct Collective {
  virtual ~Collective() = default;

  CollectiveSignature signature;
  // Of what is combined.
  kernels::NumberType number_type = kernels::NumberType::kUInt8;
  // Bytes behind each of the addresses below.
  int64_t bytes = 0;
  // kAllReduce, kAllGather: one; kBroadcast: one on the root; kReduceScatter: one for each rank;
  // kScatter: one for each rank, on the root.
  std::vector<const char*> inputs = {};
  // kAllReduce, kReduceScatter, kScatter: one; kBroadcast: one, but on the root; kAllGather: one
  // for each rank. May be an input. None where this rank has no use for the result of a kAllReduce
  // or a kAllGather.
  std::vector<char*> outputs = {};

  // ---- Of the lane
  bool complete = false;
  uint64_t first_chunk = 0;
  uint64_t num_chunks = 0;
};

}  // namespace accelerate::internal
