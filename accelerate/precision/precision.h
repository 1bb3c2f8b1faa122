// The number format in which a program computes. Parameters and optimizer state are always fp32; a
// precision says which type the forward pass is cast to, and whether gradients need a loss scale.
// Like a strategy it is a policy type; its one member `traits` describes it.
//
//   static_assert(accelerate::Precision<accelerate::Bf16>);
//
// Not for casting a model by hand: Accelerator::autocast() and prepared models do it.
#pragma once

#include <c10/core/ScalarType.h>

#include <concepts>
#include <optional>
#include <ostream>
#include <string_view>

namespace accelerate {

// Everything that the engine needs to know about a precision. Printable and comparable.
struct PrecisionTraits {
  // As in --mixed_precision: "no", "fp16" or "bf16".
  std::string_view name;
  // The type in which autocast computes; none keeps the model's own types.
  std::optional<c10::ScalarType> autocast;
  // Whether small gradients would vanish in that type, so that the loss must be scaled.
  bool loss_scaled;

  friend constexpr bool operator==(const PrecisionTraits&, const PrecisionTraits&) = default;
  friend std::ostream& operator<<(std::ostream& out, const PrecisionTraits& traits) {
    return out << traits.name;
  }
};

// Full precision.
struct Fp32 {
  static constexpr PrecisionTraits traits{"no", std::nullopt, false};
};

// Half precision with a dynamic loss scale.
struct Fp16 {
  static constexpr PrecisionTraits traits{"fp16", c10::ScalarType::Half, true};
};

// bfloat16, which has the range of fp32 and needs no loss scale.
struct Bf16 {
  static constexpr PrecisionTraits traits{"bf16", c10::ScalarType::BFloat16, false};
};

template <class T>
concept Precision = requires {
  { T::traits } -> std::same_as<const PrecisionTraits&>;
};

}  // namespace accelerate
