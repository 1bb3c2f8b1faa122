// How many floating-point operations a device can do in a second.
// Part of the report; not for others.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string_view>

namespace accelerate::internal {

// The figure for a GPU of this name; 0 if the name is not known.
double peak_flops_of(std::string_view name);

// The figure in the device's data sheet, dense and in bfloat16; 0 if the device's name is not
// known.
double known_peak_flops(c10::Device device);

// What a large matrix product reaches in this type or in fp32, whichever is faster: a CPU may not
// have the type. Typically takes a second.
double measure_peak_flops(c10::Device device, c10::ScalarType type);

}  // namespace accelerate::internal
