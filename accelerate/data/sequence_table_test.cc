#include "accelerate/data/sequence_table.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::pair<int64_t, int64_t>> all(const SequenceTable& table) {
  std::vector<std::pair<int64_t, int64_t>> sequences;
  for (int64_t i = 0; i < table.size(); ++i)
    sequences.emplace_back(table.at(i).first, table.at(i).count);
  return sequences;
}

SequenceTable filled(const SequenceTableOptions& options, const std::vector<int64_t>& stretches) {
  SequenceTable table(options);
  for (const int64_t tokens : stretches) table.add_stretch(tokens);
  return table;
}

TEST(SequenceTable, NeverLeavesAStretch) {
  const SequenceTable table = filled({.length = 4, .step = 4}, {9, 4, 0, 1, 6});
  EXPECT_THAT(all(table), ElementsAre(Pair(0, 5), Pair(4, 5), Pair(14, 5)));
  EXPECT_EQ(table.num_tokens(), 20);
}

TEST(SequenceTable, CountsShortRestsWherePadded) {
  const SequenceTable table = filled({.length = 4, .step = 4, .padded = true}, {9, 4, 0, 1, 7});
  EXPECT_THAT(all(table),
              ElementsAre(Pair(0, 5), Pair(4, 5), Pair(9, 4), Pair(14, 5), Pair(18, 3)));
}

TEST(SequenceTable, CanBeEmpty) {
  EXPECT_THAT(all(filled({.length = 4, .step = 4}, {4, 3, 2})), IsEmpty());
  EXPECT_THAT(all(filled({.length = 4, .step = 4, .padded = true}, {1, 0})), IsEmpty());
  EXPECT_EQ(SequenceTable({.length = 4}).size(), 0);
}

// By trying each place where one could begin.
TEST(SequenceTable, HasWhatItsCommentSays) {
  for (int64_t length = 1; length <= 6; ++length) {
    for (int64_t step = 1; step <= 8; ++step) {
      for (int64_t tokens = 0; tokens <= 30; ++tokens) {
        std::vector<std::pair<int64_t, int64_t>> whole, padded;
        int64_t targets_end = 1;
        for (int64_t first = 0; first < tokens; first += step) {
          const int64_t count = std::min(length + 1, tokens - first);
          if (count == length + 1) whole.emplace_back(first, count);
          if (count >= 2 && first + count > targets_end) {
            padded.emplace_back(first, count);
            targets_end = first + count;
          }
        }
        EXPECT_EQ(all(filled({.length = length, .step = step}, {tokens})), whole)
            << length << " " << step << " " << tokens;
        EXPECT_EQ(all(filled({.length = length, .step = step, .padded = true}, {tokens})), padded)
            << length << " " << step << " " << tokens;
      }
    }
  }
}

TEST(DrawnNumber, IsTheOneThatItsCommentSays) {
  // By a program in Python that follows the comment.
  EXPECT_EQ(drawn_number(0, 0, 0, 1000), 138);
  EXPECT_EQ(drawn_number(42, 3, 7, 1000000), 668694);
  EXPECT_EQ(drawn_number(UINT64_MAX, int64_t{1} << 62, 12345, (int64_t{1} << 40) + 1),
            426226397859);
}

TEST(DrawnNumber, DependsOnAllThree) {
  std::set<int64_t> numbers;
  for (const auto& [seed, epoch, index] : std::vector<std::tuple<uint64_t, int64_t, int64_t>>{
           {0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {0, 1, 1}, {1, 1, 1}})
    numbers.insert(drawn_number(seed, epoch, index, int64_t{1} << 62));
  EXPECT_EQ(numbers.size(), 7u);
}

TEST(DrawnNumber, IsEvenlySpread) {
  constexpr int64_t kPlaces = 10, kDraws = 100000;
  std::vector<int64_t> hits(kPlaces);
  for (int64_t i = 0; i < kDraws; ++i) ++hits[drawn_number(42, 3, i, kPlaces)];
  for (const int64_t count : hits) EXPECT_NEAR(count, kDraws / kPlaces, 500);
  EXPECT_EQ(drawn_number(42, 3, 7, 1), 0);
}

}  // namespace
}  // namespace accelerate
