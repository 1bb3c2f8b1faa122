// Part of the trackers; not for others. Checks whether what a program logs can be kept, and
// converts it.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "accelerate/tracking/values.h"
#include "formats/metrics/record.h"
#include "nlohmann/json.hpp"

namespace accelerate::internal {

// Each check throws c10::Error with a remedy.
void check_name(const std::string& name);
void check_names(const LogValues& values);
void check_is_number(const std::string& name, const at::Tensor& tensor);
// Checks that the values have means over the ranks.
void check_has_means(const LogValues& values);

// Waits for the tensor's device.
metrics::Value number_of(const at::Tensor& tensor);
// Bytes, row by row, of an image of the shape C×H×W in the host's memory.
at::Tensor pixels_of(const at::Tensor& image);
// An object, in the order of the settings. Numbers that are not finite become texts, because JSON
// has no such numbers.
nlohmann::ordered_json json_of(const RunSettings& settings);

}  // namespace accelerate::internal
