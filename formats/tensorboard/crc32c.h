// Part of the event files; not for others. The checksum of their records: CRC-32C, turned and
// shifted so that a checksum of data with checksums in it is a good one as well.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace accelerate::tensorboard {

std::uint32_t masked_crc32c(absl::string_view bytes);

}  // namespace accelerate::tensorboard
