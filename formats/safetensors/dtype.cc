#include "formats/safetensors/dtype.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/strings/str_join.h"

namespace accelerate::safetensors {
namespace {

struct Row {
  const char* name;
  int bits;
  bool floating_point;
};

// In the order of the enumerators.
constexpr std::array kRows = {
    Row{"BOOL", 8, false},       Row{"F4", 4, true},          Row{"F6_E2M3", 6, true},
    Row{"F6_E3M2", 6, true},     Row{"U8", 8, false},         Row{"I8", 8, false},
    Row{"F8_E5M2", 8, true},     Row{"F8_E4M3", 8, true},     Row{"F8_E8M0", 8, true},
    Row{"F8_E4M3FNUZ", 8, true}, Row{"F8_E5M2FNUZ", 8, true}, Row{"I16", 16, false},
    Row{"U16", 16, false},       Row{"F16", 16, true},        Row{"BF16", 16, true},
    Row{"I32", 32, false},       Row{"U32", 32, false},       Row{"F32", 32, true},
    Row{"C64", 64, false},       Row{"F64", 64, true},        Row{"I64", 64, false},
    Row{"U64", 64, false},
};
static_assert(kRows.size() == static_cast<std::size_t>(Dtype::kU64) + 1);

const Row& row(Dtype dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::optional<Dtype> parse_dtype(const std::string& name) {
  const auto found = std::find_if(kRows.begin(), kRows.end(),
                                  [&name](const Row& candidate) { return name == candidate.name; });
  if (found == kRows.end()) return std::nullopt;
  return static_cast<Dtype>(found - kRows.begin());
}

std::string dtype_name(Dtype dtype) { return row(dtype).name; }

int dtype_bits(Dtype dtype) { return row(dtype).bits; }

bool is_floating_point(Dtype dtype) { return row(dtype).floating_point; }

std::string all_dtype_names() {
  return absl::StrJoin(kRows, ", ", [](std::string* out, const Row& row) { *out += row.name; });
}

}  // namespace accelerate::safetensors
