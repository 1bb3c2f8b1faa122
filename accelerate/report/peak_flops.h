// How many floating-point operations a device can do in a second. Part of the report; not for
// others.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string_view>

namespace accelerate::internal {

// By the name of a GPU; 0 of one that is not known.
double peak_flops_of(std::string_view name);

// By the data sheet, dense and in bfloat16, of one whose name is known; else 0.
double known_peak_flops(c10::Device device);

// What a large matrix product reaches, of this type or of fp32, whichever is faster: a CPU may not
// have the type. Typically takes a second.
double measure_peak_flops(c10::Device device, c10::ScalarType type);

}  // namespace accelerate::internal
