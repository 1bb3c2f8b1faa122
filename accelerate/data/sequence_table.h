// Where each sequence of a data set of tokens begins. The tokens of all files form one row, which
// is divided into stretches (documents, or whole files); no sequence crosses from one stretch into
// the next.
//
//   SequenceTable table({.length = 4, .step = 4});
//   table.add_stretch(9);
//   table.add_stretch(6);
//   const auto [first, count] = table.at(2);   // 9 and 5: the second stretch's only sequence
//
// A sequence of `length` tokens needs one more token, which is the target of the last one. What is
// too short for that at the end of a stretch is left out. If sequences are padded, it counts as a
// sequence if it has a target that no earlier sequence of the stretch has. Takes 16 bytes per
// stretch. Not for reading tokens: it knows only their numbers. Once filled, it is safe to read
// from several threads.
#pragma once

#include <cstdint>
#include <vector>

namespace accelerate {

struct SequenceTableOptions {
  // In tokens, at least 1.
  int64_t length = 1;
  // Tokens from the beginning of a sequence to the beginning of the next, at least 1.
  int64_t step = 1;
  bool padded = false;
};

class SequenceTable {
 public:
  // The first token of a sequence, counted over all stretches, and how many tokens it has,
  // including the target of the last one: at least 2, and at most length + 1.
  struct Sequence {
    int64_t first = 0;
    int64_t count = 0;
  };

  explicit SequenceTable(const SequenceTableOptions& options) : options_(options) {}

  // Adds a stretch of that many tokens after those that were added before.
  void add_stretch(int64_t tokens);

  int64_t size() const { return sequences_.back(); }
  int64_t num_tokens() const { return tokens_.back(); }
  // The sequence with this index, from 0 to size() - 1.
  Sequence at(int64_t index) const;

 private:
  SequenceTableOptions options_;
  // How many tokens, and sequences, come before each stretch; the last entry counts all of them.
  std::vector<int64_t> tokens_ = {0};
  std::vector<int64_t> sequences_ = {0};
};

// A pseudorandom number from 0 to count - 1 that depends only on the arguments: the upper half of
// the 128-bit product mix(index ^ mix(epoch ^ mix(seed))) * count, with SplitMix64's mixing
// function `mix`.
int64_t drawn_number(uint64_t seed, int64_t epoch, int64_t index, int64_t count);

}  // namespace accelerate
