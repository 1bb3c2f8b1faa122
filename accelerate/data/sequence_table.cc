#include "accelerate/data/sequence_table.h"

#include <algorithm>

#include "accelerate/data/mixed_seed.h"

namespace accelerate {
namespace {

int64_t divided_up(int64_t number, int64_t by) { return (number + by - 1) / by; }

int64_t sequences_of(int64_t tokens, const SequenceTableOptions& options) {
  const auto& [length, step, padded] = options;
  if (padded) {
    if (tokens < 2) return 0;
    // Targets at which a sequence may begin without having them all from the one before it.
    const int64_t fresh = tokens - 1 - std::max<int64_t>(0, length - step);
    return std::max<int64_t>(1, divided_up(fresh, step));
  }
  return tokens <= length ? 0 : (tokens - length - 1) / step + 1;
}

}  // namespace

void SequenceTable::add_stretch(int64_t tokens) {
  tokens_.push_back(tokens_.back() + tokens);
  sequences_.push_back(sequences_.back() + sequences_of(tokens, options_));
}

SequenceTable::Sequence SequenceTable::at(int64_t index) const {
  // The last stretch that begins with this sequence or one before it: those without any are before.
  const auto stretch = std::upper_bound(sequences_.begin(), sequences_.end(), index) - 1;
  const int64_t place = stretch - sequences_.begin();
  const int64_t first = tokens_[place] + (index - *stretch) * options_.step;
  return {first, std::min(options_.length + 1, tokens_[place + 1] - first)};
}

int64_t drawn_number(uint64_t seed, int64_t epoch, int64_t index, int64_t count) {
  const uint64_t drawn = internal::mixed_seed(seed, epoch, index);
  using Product = unsigned __int128;
  return static_cast<int64_t>((static_cast<Product>(drawn) * static_cast<uint64_t>(count)) >> 64);
}

}  // namespace accelerate
