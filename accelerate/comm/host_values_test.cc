#include "accelerate/comm/host_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "accelerate/comm/testing/world_test.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using Strings = std::vector<std::string>;

class HostValues : public WorldTest {
 protected:
  template <class Number>
  Number reduced(Number number, ReduceOp op, double scale = 1) {
    return reduce(*world_, std::vector<Number>{number}, op, scale).at(0);
  }
};

TEST_F(HostValues, AreGatheredInOrderOfRank) {
  std::vector<int> numbers;
  Strings strings;
  for (int rank = 0; rank < size_; ++rank) {
    for (int i = 0; i < rank; ++i) {
      numbers.push_back(10 * rank + i);
      strings.push_back(std::string(i, 'x') + std::to_string(rank));
    }
  }
  const int before = rank_ * (rank_ - 1) / 2;
  EXPECT_EQ(
      gather(*world_, std::vector<int>(numbers.begin() + before, numbers.begin() + before + rank_)),
      numbers);
  EXPECT_EQ(gather(*world_, Strings(strings.begin() + before, strings.begin() + before + rank_)),
            strings);
  EXPECT_EQ(gather(*world_, std::vector<bool>{rank_ == 1, true}),
            (std::vector<bool>{false, true, true, true, false, true}));
  EXPECT_EQ(gather(*world_, Strings{""}), Strings(size_));
}

TEST_F(HostValues, AreThoseOfTheRoot) {
  EXPECT_EQ(broadcast(*world_, std::vector<double>(rank_, 0.5), 2), std::vector<double>(2, 0.5));
  EXPECT_EQ(broadcast(*world_, Strings(rank_, "of " + std::to_string(rank_)), 1), Strings{"of 1"});
  EXPECT_THROW(broadcast(*world_, Strings{}, size_), c10::Error);
}

TEST_F(HostValues, AreReduced) {
  EXPECT_EQ(reduced(rank_ + 1, ReduceOp::kSum), 6);
  EXPECT_EQ(reduced(rank_ + 1.5, ReduceOp::kMean, 2.0), 5.0);
  EXPECT_EQ(reduced(static_cast<uint8_t>(rank_), ReduceOp::kMax), 2);
  EXPECT_EQ(reduced(-rank_, ReduceOp::kMin), -2);
  EXPECT_EQ(reduced(std::numeric_limits<uint64_t>::max() - rank_, ReduceOp::kMax),
            std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(reduced(rank_ == 1, ReduceOp::kSum));
  EXPECT_FALSE(reduced(rank_ == 1, ReduceOp::kMin));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(reduced(rank_ == 1 ? nan : 1.0, ReduceOp::kMax)));
  EXPECT_TRUE(std::isnan(reduced(rank_ == 2 ? nan : 1.0, ReduceOp::kMin)));
}

TEST_F(HostValues, ThatHaveNoResultAreErrorsOnEveryRank) {
  const auto message = [&](auto number, ReduceOp op, double scale) {
    return message_of([&] { reduced(number, op, scale); });
  };
  EXPECT_THAT(message(1, ReduceOp::kMean, 1), HasSubstr("convert them to double"));
  EXPECT_THAT(message(1, ReduceOp::kSum, 0.5), HasSubstr("convert them to double"));
  EXPECT_THAT(message(uint8_t{100}, ReduceOp::kSum, 1), HasSubstr("the result 300 does not fit"));
  EXPECT_THAT(message(int64_t{1} << 62, ReduceOp::kSum, 1), HasSubstr("too large"));
  EXPECT_THAT(message_of([&] {
                reduce(*world_, std::vector<double>(rank_ == 1 ? 3 : 2, 1), ReduceOp::kSum, 1);
              }),
              HasSubstr("rank 0 has 2, rank 1 has 3, rank 2 has 2"));
}

TEST_F(HostValues, AreKnownToBeBuiltAlike) {
  check_alike(*world_, "gather", "{ loss }");
  EXPECT_THAT(
      message_of([&] { check_alike(*world_, "gather", rank_ == 2 ? "{ lost }" : "{ loss }"); }),
      HasSubstr("rank 1: { loss }, rank 2: { lost }"));
}

TEST_F(HostValues, AreNotMadeOfWhatARankSendsElsewhere) {
  for (const std::string sent : {"save_state() at main.cc:7", "x"}) {
    if (rank_ == 1) {
      world_->all_gather_bytes(sent);
      continue;
    }
    EXPECT_THAT(message_of([&] { gather(*world_, Strings{"a"}); }),
                HasSubstr("is not a list of texts; it is in another collective"));
  }
}

TEST(LoneHostValues, StayAsTheyAre) {
  Communicator alone;
  EXPECT_EQ(gather(alone, Strings{"a", ""}), (Strings{"a", ""}));
  EXPECT_EQ(broadcast(alone, std::vector<int>{1, 2}, 0), (std::vector<int>{1, 2}));
  EXPECT_EQ(reduce(alone, std::vector<double>{3}, ReduceOp::kMean, 2), (std::vector<double>{6}));
  EXPECT_THROW(broadcast(alone, Strings{}, 1), c10::Error);
}

}  // namespace
}  // namespace accelerate
