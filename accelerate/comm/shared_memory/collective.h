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

// What ranks must agree on. It is stored in shared memory, so its members have fixed sizes.
struct CollectiveSignature {
  CollectiveKind kind = CollectiveKind::kBarrier;
  // The collective that the program called; this one may be only a part of it.
  CollectiveKind called = kind;
  kernels::CombineOperation operation = kernels::CombineOperation::kSum;
  c10::ScalarType type = c10::ScalarType::Byte;
  int32_t root = 0;   // A rank of the lane; for kBroadcast and kScatter.
  int64_t count = 0;  // Elements of `type` that a rank gives, or gets as its own part.
  int64_t divisor = 1;
  // What the collective is for, as its caller says; 0 if the caller does not say.
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
  // The type of the numbers that are combined.
  kernels::NumberType number_type = kernels::NumberType::kUInt8;
  // Bytes at each of the addresses below.
  int64_t bytes = 0;
  // kAllReduce, kAllGather: one; kBroadcast: one on the root; kReduceScatter: one for each rank;
  // kScatter: one for each rank, on the root.
  std::vector<const char*> inputs = {};
  // kAllReduce, kReduceScatter, kScatter: one; kBroadcast: one, except on the root; kAllGather: one
  // for each rank. May be an input. None if this rank does not need the result of a kAllReduce or a
  // kAllGather.
  std::vector<char*> outputs = {};

  // ---- Set by the lane
  bool complete = false;
  uint64_t first_chunk = 0;
  uint64_t num_chunks = 0;
};

}  // namespace accelerate::internal
