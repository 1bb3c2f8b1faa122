// The type in which gradients travel. Part of what syncs gradients; not for others.
#pragma once

#include <c10/core/ScalarType.h>

#include "accelerate/gradients/gradient_options.h"

namespace accelerate::internal {

// Their own type, except for fp32 with compression.
inline c10::ScalarType wire_type(c10::ScalarType type, GradientCompression compression) {
  if (type != at::kFloat || compression == GradientCompression::kNone) return type;
  return compression == GradientCompression::kFp16 ? at::kHalf : at::kBFloat16;
}

}  // namespace accelerate::internal
