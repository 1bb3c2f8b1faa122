// Arrays of any number and length, cut into chunks that the blocks of one launch share. The table
// is a parameter of the kernel, so that it costs no memory on the device and no copy.
//
// Example:
//   PieceTable<PackPiece> table;
//   while (!pieces.empty()) {
//     pieces = table.fill(pieces);
//     for (int64_t i = 0; i < table.chunk_count(); ++i) work_on(table, table.chunk(i));
//   }
//
// Not for a single array with its own kernel: blocks that need not search a table start sooner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

// Two vectors of 16-bit elements for each thread of a block, or four of floats.
inline constexpr int kChunkElements = 4096;

// The parameters of a kernel may have 32,764 bytes; the other parameters need the rest.
inline constexpr std::size_t kTableBytes = 32'000;

struct Chunk {
  int piece;      // Its index in the table.
  int64_t begin;  // Its first element in the piece.
  int count;      // From 1 to kChunkElements.
};

ACCELERATE_HOST_DEVICE int64_t chunks_of(int64_t count) {
  return (count + kChunkElements - 1) / kChunkElements;
}

// A Piece has a member `count`: how many elements it has.
template <class Piece>
struct PieceTable {
  static_assert(std::is_trivially_copyable_v<Piece>, "kernels get their parameters byte by byte");
  static constexpr int kCapacity =
      (kTableBytes - 2 * sizeof(int64_t)) / (sizeof(Piece) + sizeof(int64_t));

  // Replaces what the table held. Skips empty pieces; returns the pieces that found no room.
  std::span<const Piece> fill(std::span<const Piece> all) {
    first_chunk += chunk_count();
    size = 0;
    int64_t end = 0;
    std::size_t taken = 0;
    for (; taken < all.size() && size < kCapacity; ++taken) {
      if (all[taken].count == 0) continue;
      end += chunks_of(all[taken].count);
      pieces[size] = all[taken];
      chunk_ends[size] = end;
      ++size;
    }
    return all.subspan(taken);
  }

  ACCELERATE_HOST_DEVICE int64_t chunk_count() const {
    return size == 0 ? 0 : chunk_ends[size - 1];
  }

  ACCELERATE_HOST_DEVICE Chunk chunk(int64_t index) const {
    int low = 0, high = size - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (chunk_ends[middle] > index) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    const int64_t before = low == 0 ? 0 : chunk_ends[low - 1];
    const int64_t begin = (index - before) * kChunkElements;
    const int64_t rest = pieces[low].count - begin;
    return {low, begin, static_cast<int>(rest < kChunkElements ? rest : kChunkElements)};
  }

  Piece pieces[kCapacity];
  int64_t chunk_ends[kCapacity];  // The chunks up to the end of each piece.
  int64_t first_chunk = 0;        // The chunks of the tables before this one.
  int size = 0;
};

}  // namespace accelerate::kernels
