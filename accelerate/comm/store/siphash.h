// A number that nobody can tell of some bytes who does not know the key.
//
//   const uint64_t tag = siphash({0x0123, 0x4567}, bytes);
//
// For values that others can overwrite. Not for what is to stay secret.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace accelerate::internal {

using SipKey = std::array<uint64_t, 2>;

// SipHash-2-4 (Aumasson, Bernstein 2012), with the bytes as on a little-endian machine.
uint64_t siphash(const SipKey& key, std::string_view bytes);

}  // namespace accelerate::internal
