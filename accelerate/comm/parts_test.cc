// Collectives of which each rank has a part, and communicators of some of the ranks.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/comm/testing/world_test.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

class Parts : public WorldTest {
 protected:
  // What a rank gives, of so many elements for each rank.
  at::Tensor given(int rank, int64_t part, c10::ScalarType type = at::kFloat) const {
    return ((at::arange(size_ * part) * 7 + rank * 5) % 11).to(type);
  }
  at::Tensor sum_of(int64_t part, c10::ScalarType type = at::kFloat) const {
    at::Tensor sum = given(0, part, type);
    for (int rank = 1; rank < size_; ++rank) sum += given(rank, part, type);
    return sum;
  }
  at::Tensor own_of(const at::Tensor& all) const {
    const int64_t part = all.numel() / size_;
    return all.narrow(0, rank_ * part, part);
  }
};

TEST_F(Parts, GiveEachRankItsPartOfTheSumAndBack) {
  // Also more than the memory that ranks share.
  for (const int64_t part : {int64_t{0}, int64_t{1}, int64_t{1003}, int64_t{900'001}}) {
    for (const auto type : {at::kFloat, at::kDouble, at::kLong}) {
      const at::Tensor expected = sum_of(part, type);
      at::Tensor own = at::empty({part}, type);
      world_->reduce_scatter(given(rank_, part, type), own, ReduceOp::kSum);
      EXPECT_TRUE(at::equal(own, own_of(expected))) << part << ' ' << type;
      at::Tensor all = at::empty({size_ * part}, type);
      world_->all_gather(own, all);
      EXPECT_TRUE(at::equal(all, expected)) << part << ' ' << type;
    }
  }
}

TEST_F(Parts, MayLieInTheirPlace) {
  at::Tensor all = given(rank_, 50'001);
  const at::Tensor expected = sum_of(50'001) / size_;
  at::Tensor own = own_of(all);
  all.mul_(world_->mean_factor());
  world_->start_reduce_scatter_mean(all, own).wait();
  EXPECT_TRUE(at::allclose(own, own_of(expected)));
  world_->start_all_gather(own, all).wait();
  EXPECT_TRUE(at::allclose(all, expected));
}

TEST_F(Parts, OfComplexNumbersAreAddedUp) {
  const at::Tensor real = given(rank_, 2);
  at::Tensor own = at::empty({2}, at::kComplexFloat);
  world_->reduce_scatter(at::complex(real, -real), own, ReduceOp::kSum);
  EXPECT_TRUE(at::equal(at::real(own), own_of(sum_of(2))));
  EXPECT_TRUE(at::equal(at::imag(own), -own_of(sum_of(2))));
}

TEST_F(Parts, OfSeveralCollectivesAreUnderWayAtOnce) {
  const int64_t part = 70'001;
  std::vector<at::Tensor> inputs, owns, alls;
  std::vector<PendingCollective> pending;
  for (int i = 0; i < 4; ++i) {
    inputs.push_back(given(rank_, part) * world_->mean_factor());
    owns.push_back(at::empty({part}));
    alls.push_back(at::empty({size_ * part}));
    pending.push_back(world_->start_reduce_scatter_mean(inputs[i], owns[i], {.tag = i}));
    at::Tensor mean = inputs[i].clone();
    pending.push_back(world_->start_mean(mean, {.tag = i}));
    pending.push_back(world_->start_all_gather(own_of(given(0, part)), alls[i], {.tag = i}));
  }
  for (PendingCollective& each : pending) each.wait();
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(at::allclose(owns[i], own_of(sum_of(part) / size_)));
    EXPECT_TRUE(at::equal(alls[i], given(0, part)));
  }
}

TEST_F(Parts, AreRefusedWhereTheyAreNotEqual) {
  at::Tensor own = at::empty({2});
  EXPECT_THAT(message_of([&] { world_->reduce_scatter(given(0, 3), own, ReduceOp::kSum); }),
              HasSubstr("equal parts"));
  EXPECT_THAT(message_of([&] { world_->all_gather(at::empty({2}, at::kLong), own); }),
              HasSubstr("of one type"));
  at::Tensor integers = at::ones({1}, at::kLong);
  EXPECT_THAT(message_of([&] {
                world_->reduce_scatter(given(0, 1, at::kLong), integers, ReduceOp::kMean);
              }),
              HasSubstr("convert the tensor"));
  EXPECT_THAT(
      message_of([&] { static_cast<void>(world_->start_all_gather(own, own, {.tag = -1})); }),
      HasSubstr("parts"));
}

TEST_F(Parts, OfAProcessThatIsAloneAreTheWhole) {
  Communicator alone;
  at::Tensor own = at::empty({3});
  alone.reduce_scatter(at::arange(3, at::kFloat), own, ReduceOp::kMean);
  EXPECT_TRUE(at::equal(own, at::arange(3, at::kFloat)));
  at::Tensor all = at::empty({3});
  alone.all_gather(own, all);
  EXPECT_TRUE(at::equal(all, own));
  EXPECT_EQ(alone.split(3).size(), 1);
}

// Ranks 0 and 2 on one side, 1 alone.
TEST_F(Parts, OfTheRanksTalkAmongThemselves) {
  for (int round = 0; round < 2; ++round) {
    Communicator part = world_->split(rank_ % 2);
    const bool is_alone = rank_ == 1;
    EXPECT_EQ(part.size(), is_alone ? 1 : 2);
    EXPECT_EQ(part.rank(), rank_ / 2);
    at::Tensor sum = at::full({3}, rank_ + 1);
    part.all_reduce(sum, ReduceOp::kSum);
    EXPECT_EQ(sum[2].item<int>(), is_alone ? 2 : 4);
    // In an order of their own beside those of all.
    if (!is_alone) {
      EXPECT_EQ(part.broadcast_bytes(std::to_string(rank_), 1), "2");
    }
    world_->barrier();
    // And once more within a part.
    EXPECT_EQ(part.split(rank_).size(), 1);
    EXPECT_EQ(part.split(5).size(), part.size());
  }
  EXPECT_THAT(message_of([&] { world_->split(-1); }), HasSubstr("give 0 or more"));
}

// Ranks 1 and 2 of the run, which are 0 and 1 of their part, and of a part of that.
TEST_F(Parts, OfTheRanksAreNamedByTheirRanksInTheRun) {
  Communicator part = world_->split(rank_ > 0 ? 1 : 0);
  Communicator part_of_part = part.split(3);
  // Rank 0 has the store by which the others split.
  world_->barrier();
  if (rank_ == 0) return;
  EXPECT_EQ(part_of_part.size(), 2);
  at::Tensor odd = at::ones({rank_});
  const std::string message = message_of([&] { part_of_part.all_reduce(odd, ReduceOp::kSum); });
  EXPECT_THAT(message,
              HasSubstr("all_reduce failed on rank " + std::to_string(rank_) + " of the run (" +
                        std::to_string(rank_ - 1) + " of 2 in communicator "));
  // One of the two has found it, and told the other.
  EXPECT_THAT(message, HasSubstr("rank " + std::to_string(3 - rank_) + " (pid "));
}

}  // namespace
}  // namespace accelerate
