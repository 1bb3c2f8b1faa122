// Part of the event files; not for others. The checksum of their records: CRC-32C, rotated and with
// a constant added, so that it also works for data that contain checksums.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace accelerate::tensorboard {

std::uint32_t masked_crc32c(absl::string_view bytes);

}  // namespace accelerate::tensorboard
