#include "accelerate/comm/collective_notes.h"

namespace accelerate::internal {
namespace {

using launcher::ElementType;

ElementType element_type(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Bool:
      return ElementType::kBool;
    case c10::ScalarType::Byte:
      return ElementType::kUInt8;
    case c10::ScalarType::Char:
      return ElementType::kInt8;
    case c10::ScalarType::Short:
      return ElementType::kInt16;
    case c10::ScalarType::UInt16:
      return ElementType::kUInt16;
    case c10::ScalarType::Int:
      return ElementType::kInt32;
    case c10::ScalarType::Long:
      return ElementType::kInt64;
    case c10::ScalarType::Half:
      return ElementType::kHalf;
    case c10::ScalarType::BFloat16:
      return ElementType::kBFloat16;
    case c10::ScalarType::Float:
      return ElementType::kFloat;
    case c10::ScalarType::Double:
      return ElementType::kDouble;
    case c10::ScalarType::ComplexFloat:
      return ElementType::kComplexFloat;
    case c10::ScalarType::ComplexDouble:
      return ElementType::kComplexDouble;
    default:
      return ElementType::kOther;
  }
}

}  // namespace

launcher::FlightTicket note_begin(launcher::CollectiveFacts facts, const at::Tensor& given) {
  if (given.defined()) {
    facts.type = element_type(given.scalar_type());
    facts.set_sizes(given.sizes().data(), given.sizes().size());
  }
  return launcher::FlightRecorder::of_process().begin(facts);
}

}  // namespace accelerate::internal
