#include "accelerate/sharding/unit_layout.h"

#include <gtest/gtest.h>

#include <random>

namespace accelerate {
namespace {

// Every element of every parameter is in exactly one rank's part, in order, and where that part
// says that it is.
void expect_covers(const UnitLayout& unit, const std::vector<int64_t>& numels, int ranks,
                   int64_t alignment) {
  ASSERT_EQ(unit.places().size(), numels.size());
  EXPECT_EQ(unit.numel(), unit.part() * ranks);
  EXPECT_EQ(unit.part() % alignment, 0);
  int64_t end = 0;
  for (size_t i = 0; i < numels.size(); ++i) {
    const PartPlace& place = unit.places()[i];
    EXPECT_EQ(place.numel, numels[i]);
    EXPECT_EQ(place.offset % alignment, 0);
    EXPECT_GE(place.offset, end);
    end = place.offset + place.numel;
    int64_t next = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const PartRange part = place.of_rank(rank);
      if (part.size() == 0) continue;
      EXPECT_EQ(part.begin, next);
      next = part.end;
      EXPECT_EQ(rank * unit.part() + place.offset_of_rank(rank), place.offset + part.begin);
      EXPECT_LE(place.offset_of_rank(rank) + part.size(), unit.part());
    }
    EXPECT_EQ(next, numels[i]);
  }
  EXPECT_LE(end, unit.numel());
  EXPECT_LT(unit.numel() - end, (ranks + 1) * alignment);
}

TEST(UnitLayout, CutsAParameterWhereAPartEnds) {
  const UnitLayout unit({640, 10}, /*ranks=*/2, /*alignment=*/16);
  EXPECT_EQ(unit.part(), 336);
  EXPECT_EQ(unit.places()[0].of_rank(0), (PartRange{0, 336}));
  EXPECT_EQ(unit.places()[0].of_rank(1), (PartRange{336, 640}));
  EXPECT_EQ(unit.places()[1].of_rank(0).size(), 0);
  EXPECT_EQ(unit.places()[1].of_rank(1), (PartRange{0, 10}));
  EXPECT_EQ(unit.places()[1].offset_of_rank(1), 304);
}

TEST(UnitLayout, LeavesRanksWithoutElements) {
  const UnitLayout unit({3}, /*ranks=*/8, /*alignment=*/16);
  EXPECT_EQ(unit.part(), 16);
  EXPECT_EQ(unit.places()[0].of_rank(0), (PartRange{0, 3}));
  for (int rank = 1; rank < 8; ++rank) EXPECT_EQ(unit.places()[0].of_rank(rank).size(), 0);
}

TEST(UnitLayout, HasNothingOfNoParameters) {
  EXPECT_EQ(UnitLayout({}, 4, 16).numel(), 0);
  EXPECT_EQ(UnitLayout({0, 0}, 4, 16).numel(), 0);
}

TEST(UnitLayout, KeepsAParameterWholeForOneRank) {
  const UnitLayout unit({7, 100}, /*ranks=*/1, /*alignment=*/8);
  EXPECT_EQ(unit.places()[1].of_rank(0), (PartRange{0, 100}));
}

TEST(UnitLayout, CoversAnySizes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const int ranks = std::uniform_int_distribution(1, 9)(random);
    const int64_t alignment = int64_t{1} << std::uniform_int_distribution(0, 5)(random);
    std::vector<int64_t> numels(std::uniform_int_distribution(0, 6)(random));
    const int largest = round % 3 == 0 ? 5 : 3000;
    for (int64_t& numel : numels) numel = std::uniform_int_distribution(0, largest)(random);
    expect_covers(UnitLayout(numels, ranks, alignment), numels, ranks, alignment);
  }
}

}  // namespace
}  // namespace accelerate
