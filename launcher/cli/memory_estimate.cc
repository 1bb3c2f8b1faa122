#include "launcher/cli/memory_estimate.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

using safetensors::Dtype;

double size_of(const safetensors::TensorEntry& tensor) {
  const double elements = static_cast<double>(tensor.num_elements);
  if (safetensors::is_floating_point(tensor.dtype)) return elements * 4;
  if (tensor.dtype == Dtype::kBool) return elements / 8;
  return elements * safetensors::dtype_bits(tensor.dtype) / 8;
}

}  // namespace

MemoryEstimate estimate_memory(const std::vector<safetensors::ModelFile>& files) {
  MemoryEstimate estimate;
  std::map<std::string, double> modules;  // Those that have tensors, by the size of these.
  for (const safetensors::ModelFile& file : files) {
    for (const safetensors::TensorEntry& tensor : file.header.tensors) {
      const double size = size_of(tensor);
      estimate.total_size += size;
      const std::size_t dot = tensor.name.rfind('.');
      if (dot == std::string::npos) {
        estimate.largest_layer = std::max(estimate.largest_layer, size);
      } else {
        modules[tensor.name.substr(0, dot)] += size;
      }
    }
  }
  for (const auto& [name, size] : modules) {
    const std::string prefix = absl::StrCat(name, ".");
    const auto first = modules.lower_bound(prefix);
    const bool has_modules = first != modules.end() && absl::StartsWith(first->first, prefix);
    if (!has_modules) estimate.largest_layer = std::max(estimate.largest_layer, size);
  }
  return estimate;
}

}  // namespace accelerate::launcher
