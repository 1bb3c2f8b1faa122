// A keyed hash: without the key, nobody can compute the number that belongs to some bytes.
//
//   const uint64_t tag = siphash({0x0123, 0x4567}, bytes);
//
// For detecting values that others have overwritten. Not for keeping values secret.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace accelerate::internal {

using SipKey = std::array<uint64_t, 2>;

// SipHash-2-4 (Aumasson, Bernstein 2012), with the bytes as on a little-endian machine.
uint64_t siphash(const SipKey& key, std::string_view bytes);

}  // namespace accelerate::internal
