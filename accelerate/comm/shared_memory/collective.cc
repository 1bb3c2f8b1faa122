#include "accelerate/comm/shared_memory/collective.h"

namespace accelerate::internal {
namespace {

const char* name_of(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "all_reduce";
    case CollectiveKind::kBroadcast:
      return "broadcast";
    case CollectiveKind::kAllGather:
      return "all_gather";
    case CollectiveKind::kReduceScatter:
      return "reduce_scatter";
    case CollectiveKind::kScatter:
      return "scatter";
    case CollectiveKind::kBarrier:
      return "barrier";
  }
  return "an unknown collective";
}

const char* result_of(const CollectiveSignature& signature) {
  switch (signature.operation) {
    case kernels::CombineOperation::kSum:
      return signature.divisor == 1 ? "the sum of " : "the mean of ";
    case kernels::CombineOperation::kMax:
      return "the maximum of ";
    case kernels::CombineOperation::kMin:
      return "the minimum of ";
  }
  return "an unknown operation on ";
}

}  // namespace

std::string to_string(const CollectiveSignature& signature) {
  std::string text = name_of(signature.called);
  text += " number " + std::to_string(signature.number + 1);
  if (signature.tag != 0) text += " with the tag " + std::to_string(signature.tag);
  if (signature.kind == CollectiveKind::kBarrier) return text;
  text += " (";
  if (signature.kind == CollectiveKind::kAllReduce ||
      signature.kind == CollectiveKind::kReduceScatter)
    text += result_of(signature);
  text += std::to_string(signature.count) + ' ' + c10::toString(signature.type);
  if (signature.kind == CollectiveKind::kBroadcast || signature.kind == CollectiveKind::kScatter)
    text += " from process " + std::to_string(signature.root) + " of the host";
  return text + ")";
}

}  // namespace accelerate::internal
