#include "kernels/device/piece_table.h"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gtest/gtest.h"

namespace accelerate::kernels {
namespace {

struct Piece {
  int64_t count;
  int64_t number;
};

using Table = PieceTable<Piece>;

std::vector<Piece> pieces_of(const std::vector<int64_t>& counts) {
  std::vector<Piece> pieces;
  for (const int64_t count : counts) {
    pieces.push_back({count, static_cast<int64_t>(pieces.size())});
  }
  return pieces;
}

// Every element once and in order, whatever number of tables it takes.
void expect_all_elements(const std::vector<Piece>& pieces, int tables) {
  std::vector<int64_t> seen(pieces.size());
  Table table;
  int64_t chunks = 0;
  for (std::span<const Piece> rest = pieces; !rest.empty(); --tables) {
    rest = table.fill(rest);
    EXPECT_EQ(table.first_chunk, chunks);
    chunks += table.chunk_count();
    for (int64_t i = 0; i < table.chunk_count(); ++i) {
      const Chunk chunk = table.chunk(i);
      int64_t& elements = seen[table.pieces[chunk.piece].number];
      EXPECT_EQ(chunk.begin, elements);
      EXPECT_GT(chunk.count, 0);
      EXPECT_LE(chunk.count, kChunkElements);
      elements += chunk.count;
    }
  }
  EXPECT_EQ(tables, 0);
  for (const Piece& piece : pieces) EXPECT_EQ(seen[piece.number], piece.count) << piece.number;
}

TEST(PieceTable, HasEveryElementOnce) {
  expect_all_elements(pieces_of({}), 0);
  expect_all_elements(pieces_of({1}), 1);
  constexpr int64_t kWhole = kChunkElements;
  expect_all_elements(pieces_of({kWhole - 1, kWhole, kWhole + 1, 1, 7 * kWhole, 3}), 1);
}

TEST(PieceTable, PassesOverEmptyPieces) {
  expect_all_elements(pieces_of({0, 5, 0, 0, 9000, 0}), 1);
  Table table;
  EXPECT_TRUE(table.fill(pieces_of({0, 0})).empty());
  EXPECT_EQ(table.chunk_count(), 0);
}

TEST(PieceTable, LeavesWhatHasNoRoomForTheNext) {
  std::vector<int64_t> counts;
  for (int i = 0; i < Table::kCapacity; ++i) counts.push_back(1 + i * 37 % 9001);
  expect_all_elements(pieces_of(counts), 1);
  counts.push_back(1);
  expect_all_elements(pieces_of(counts), 2);
  for (int i = 0; i < Table::kCapacity; ++i) counts.push_back(1 + i % 3);
  expect_all_elements(pieces_of(counts), 3);
}

TEST(PieceTable, FitsIntoTheParametersOfAKernel) {
  EXPECT_LE(sizeof(Table), kTableBytes);
  EXPECT_GT(Table::kCapacity, 1000);
}

TEST(PieceTable, CountsBeyond32Bits) {
  constexpr int64_t kHuge = int64_t{1} << 45;
  Table table;
  const std::vector<Piece> pieces = pieces_of({kHuge + 1, 2});
  table.fill(pieces);
  const Chunk last_of_first = table.chunk(kHuge / kChunkElements);
  EXPECT_EQ(last_of_first.piece, 0);
  EXPECT_EQ(last_of_first.begin, kHuge);
  EXPECT_EQ(last_of_first.count, 1);
  EXPECT_EQ(table.chunk(kHuge / kChunkElements + 1).piece, 1);
  EXPECT_EQ(table.chunk_count(), kHuge / kChunkElements + 2);
}

}  // namespace
}  // namespace accelerate::kernels
