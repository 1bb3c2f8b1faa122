// What examples of kernels/pack take as given.

// ---- pack.h
extern float* gradient;
extern BFloat16* bucket;
// ---- pack_chunk.h
extern PieceTable<PackPiece> table;
extern Chunk chunk;
Worker this_worker();
// ---- pack_cuda.h
extern std::span<const PackPiece> to_bucket, from_bucket;
extern cudaStream_t stream;
