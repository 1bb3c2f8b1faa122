// Does on the CPU what a launch does on a GPU: every thread of every block, one after the other.
//
// Example:
//   run_chunks(pieces, [&](const PackPiece& piece, const Chunk& chunk, Worker worker) {
//     pack_chunk<float>(piece, chunk, worker);
//   });
//
// Not for kernels whose threads wait for each other.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"

namespace accelerate::kernels {

template <class Piece, class Function>
void run_chunks(const std::vector<Piece>& pieces, Function function) {
  constexpr int kWorkers = 32;
  PieceTable<Piece> table;
  for (std::span<const Piece> rest = pieces; !rest.empty();) {
    rest = table.fill(rest);
    for (int64_t i = 0; i < table.chunk_count(); ++i) {
      const Chunk chunk = table.chunk(i);
      for (int worker = 0; worker < kWorkers; ++worker) {
        function(table.pieces[chunk.piece], chunk, Worker{worker, kWorkers});
      }
    }
  }
}

}  // namespace accelerate::kernels
