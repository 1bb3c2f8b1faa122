// What examples of kernels/testing take as given.
#include "kernels/optimizer/rules/sgd.h"
#include "kernels/pack/pack_chunk.h"
#include "kernels/scale/scale.h"

// ---- all_types.h
template <class T>
void check(const TestArray<T>& data, ElementType type);
template <class From, class To>
void check(ElementType from, ElementType to);
// ---- run_chunks.h
extern std::vector<PackPiece> pieces;
