// Where each sequence of a data set of tokens begins: the tokens of all files in a row, parted into
// stretches (documents, or whole files) that no sequence leaves.
//
//   SequenceTable table({.length = 4, .step = 4});
//   table.add_stretch(9);
//   table.add_stretch(6);
//   const auto [first, count] = table.at(2);   // 9 and 5: the second stretch's only sequence
//
// A sequence of `length` tokens takes one more, which is the last one's target. What is too short
// for that at a stretch's end is left out, or counted where sequences are padded: as long as it has
// a target that no sequence before it in the stretch has. 16 bytes for each stretch. Not for looks
// at tokens: it knows numbers only. Once filled, it is safe to read from several threads.
#pragma once

#include <cstdint>
#include <vector>

namespace accelerate {

struct SequenceTableOptions {
  // In tokens, at least 1.
  int64_t length = 1;
  // From the beginning of a sequence to that of the next, at least 1.
  int64_t step = 1;
  bool padded = false;
};

class SequenceTable {
 public:
  // A sequence's first token of all, and how many there are from there on: with the target of the
  // last one, at most length + 1, and at least 2.
  struct Sequence {
    int64_t first = 0;
    int64_t count = 0;
  };

  explicit SequenceTable(const SequenceTableOptions& options) : options_(options) {}

  // The stretch of that many tokens behind those that were added.
  void add_stretch(int64_t tokens);

  int64_t size() const { return sequences_.back(); }
  int64_t num_tokens() const { return tokens_.back(); }
  // The sequence of a number from 0 to size() - 1.
  Sequence at(int64_t index) const;

 private:
  SequenceTableOptions options_;
  // Tokens, and sequences, before each stretch, and of all.
  std::vector<int64_t> tokens_ = {0};
  std::vector<int64_t> sequences_ = {0};
};

// A number from 0 to below `count`, as good as drawn, from these three alone: with SplitMix64's
// mixing function `mix`, the upper half of the product mix(index ^ mix(epoch ^ mix(seed))) * count
// of 128 bits.
int64_t drawn_number(uint64_t seed, int64_t epoch, int64_t index, int64_t count);

}  // namespace accelerate
