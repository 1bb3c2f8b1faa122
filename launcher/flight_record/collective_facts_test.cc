#include "launcher/flight_record/collective_facts.h"

#include <cstring>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(CollectiveFacts, HaveANameForPeople) {
  CollectiveFacts facts = {
      .number = 1041, .kind = CollectiveKind::kAllReduce, .type = ElementType::kFloat};
  facts.set_sizes({1000, 10});
  EXPECT_EQ(facts.name(), "all_reduce 1041 (float [1000, 10])");
  EXPECT_EQ(facts.num_bytes(), 40'000);
  facts.communicator = 2;
  facts.tag = 7;
  facts.set_sizes({});
  EXPECT_EQ(facts.name(), "all_reduce 1041 of communicator 2 (float [], tag 7)");
  facts.set_sizes({1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(facts.num_bytes(), 4 * 5040);
  EXPECT_EQ(facts.name(), "all_reduce 1041 of communicator 2 (float [1, 2, 3, 4, 5, 6, …], tag 7)");
  EXPECT_EQ(CollectiveFacts({.number = 3, .kind = CollectiveKind::kBarrier}).name(), "barrier 3");
}

TEST(CollectiveFacts, BearAnyContents) {
  CollectiveFacts facts;
  std::memset(static_cast<void*>(&facts), 0xff, sizeof(facts));
  EXPECT_EQ(facts.name().rfind("unknown collective 18446744073709551615", 0), 0u);
  // Without an end, and no text.
  EXPECT_NE(facts.place().find('?'), std::string::npos);
  facts.file = {'\x1b', '[', '2', 'J'};
  EXPECT_EQ(facts.place().find('\x1b'), std::string::npos);
}

TEST(CollectiveFacts, AgreeWhereRanksCallTheSame) {
  CollectiveFacts facts = {.number = 5, .kind = CollectiveKind::kAllReduce};
  facts.set_sizes({4});
  CollectiveFacts other = facts;
  other.begun = 7;
  other.line = 88;
  EXPECT_TRUE(facts.agrees_with(other)) << "the time and the place are each rank's own";
  other.set_sizes({5});
  EXPECT_FALSE(facts.agrees_with(other));
  other = facts;
  other.communicator_id = 1;
  EXPECT_FALSE(facts.agrees_with(other));
}

}  // namespace
}  // namespace accelerate::launcher
