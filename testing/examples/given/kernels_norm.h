// What examples of kernels/norm take as given.

extern const float* gradient;
// ---- norm.h
extern double total;
// ---- norm_chunk.h
extern PieceTable<NormPiece> table;
extern Chunk chunk;
Worker this_worker();
// ---- norm_cuda.h
extern std::span<const NormPiece> pieces;
extern void* scratch;
extern NormResult* result;
extern cudaStream_t stream;
// ---- norm_element.h
extern double sum;
extern const float* data;
extern MagnitudeBits<float> largest;
