// What examples of kernels/device take as given.
#include "kernels/pack/pack_chunk.h"
#include "kernels/types/convert.h"

extern std::span<const PackPiece> pieces;
extern Worker worker;
// ---- launch.h
extern cudaStream_t stream;
// ---- launch_policy.h
using Table = PieceTable<PackPiece>;
extern cudaStream_t stream;
// ---- piece_table.h
void work_on(const PieceTable<PackPiece>& table, const Chunk& chunk);
// ---- vector.h
extern const float* from;
extern Half* to;
