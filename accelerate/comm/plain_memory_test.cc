// Tensors that are not what their memory says: negated and conjugated views, and complex numbers.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/comm/operations.h"
#include "accelerate/comm/testing/world_test.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

class PlainMemory : public WorldTest {
 protected:
  // (rank + 1) (1 + 2i), ..., of three elements.
  static at::Tensor complex_of(int rank) {
    const at::Tensor real = at::arange(1, 4, at::kFloat) * (rank + 1);
    return at::complex(real, 2 * real);
  }
  // A real view that is negated when it is read.
  static at::Tensor negated_of(int rank) { return at::imag(complex_of(rank).conj()); }

  void SetUp() override {
    ASSERT_TRUE(complex_of(0).conj().is_conj());
    ASSERT_TRUE(negated_of(0).is_neg());
  }

  template <class OfRank>
  void expect_right(OfRank of_rank) {
    const at::Tensor mine = of_rank(rank_), before = mine.clone();
    std::vector<at::Tensor> all;
    at::Tensor sum = at::zeros_like(before);
    for (int rank = 0; rank < size_; ++rank) {
      all.push_back(of_rank(rank).clone());
      sum += all.back();
    }
    EXPECT_TRUE(at::equal(gather(*world_, mine), at::cat(all)));
    EXPECT_TRUE(at::equal(broadcast(*world_, mine, 1), all[1]));
    EXPECT_TRUE(at::equal(reduce(*world_, mine, ReduceOp::kSum, 1), sum));
    EXPECT_TRUE(at::allclose(reduce(*world_, mine, ReduceOp::kMean, 2), sum * (2.0 / size_)));
    const at::Tensor uneven = rank_ == 0 ? mine.narrow(0, 0, 2) : mine;
    EXPECT_EQ(gather(*world_, uneven).size(0), 3 * size_ - 1);
    const at::Tensor padded = pad_across_processes(*world_, uneven, {});
    EXPECT_TRUE(at::equal(padded.narrow(0, 0, 2), before.narrow(0, 0, 2)));
    EXPECT_TRUE(at::equal(mine, before));

    const std::vector<at::Tensor> gathered = world_->all_gather(mine);
    for (int rank = 0; rank < size_; ++rank) EXPECT_TRUE(at::equal(gathered[rank], all[rank]));
    at::Tensor in_place = of_rank(rank_);
    world_->broadcast(in_place, 1);
    EXPECT_TRUE(at::equal(in_place, all[1]));
    in_place = of_rank(rank_);
    world_->all_reduce(in_place, ReduceOp::kSum);
    EXPECT_TRUE(at::equal(in_place, sum));
    in_place = of_rank(rank_) * world_->mean_factor();
    world_->start_mean(in_place).wait();
    EXPECT_TRUE(at::allclose(in_place, sum * (1.0 / size_)));
    // The factor is 1 in shared memory, so that the view itself can be averaged.
    ASSERT_EQ(world_->mean_factor(), 1);
    in_place = of_rank(rank_);
    world_->start_mean(in_place).wait();
    EXPECT_TRUE(at::allclose(in_place, sum * (1.0 / size_)));
  }
};

TEST_F(PlainMemory, IsMadeOfComplexNumbers) { expect_right(complex_of); }

TEST_F(PlainMemory, IsMadeOfConjugatedViews) {
  expect_right([](int rank) { return complex_of(rank).conj(); });
}

TEST_F(PlainMemory, IsMadeOfNegatedViews) { expect_right(negated_of); }

TEST_F(PlainMemory, OfEveryTypeIsGatheredAndBroadcast) {
  for (const auto type : {at::kBool, at::kShort, at::kUInt16, at::kComplexDouble, at::kComplexHalf,
                          at::kFloat8_e4m3fn, at::kBFloat16}) {
    const at::Tensor mine = at::full({2, 1}, rank_ % 2, at::kFloat).to(type);
    EXPECT_EQ(gather(*world_, mine).scalar_type(), type);
    EXPECT_EQ(gather(*world_, mine).to(at::kFloat)[2][0].item<int>(), 1) << type;
    EXPECT_EQ(broadcast(*world_, mine, 1).to(at::kFloat)[1][0].item<int>(), 1) << type;
  }
}

TEST_F(PlainMemory, OfComplexNumbersHasNoMaximum) {
  EXPECT_THAT(message_of([&] { reduce(*world_, complex_of(0), ReduceOp::kMax, 1); }),
              HasSubstr("neither a maximum nor a minimum"));
}

TEST_F(PlainMemory, IsAskedOfDenseTensorsOnly) {
  EXPECT_THAT(message_of([&] { gather(*world_, at::ones({2}).to_sparse()); }),
              HasSubstr("to_dense()"));
}

TEST_F(PlainMemory, IsMissingOnAllRanksOrNone) {
  EXPECT_FALSE(gather(*world_, at::Tensor()).defined());
  EXPECT_FALSE(reduce(*world_, at::Tensor(), ReduceOp::kSum, 1).defined());
  EXPECT_FALSE(broadcast(*world_, at::Tensor(), 0).defined());
  EXPECT_FALSE(pad_across_processes(*world_, at::Tensor(), {}).defined());
  const at::Tensor of_others = rank_ == 0 ? at::Tensor() : at::ones({2});
  EXPECT_THAT(message_of([&] { gather(*world_, of_others); }),
              HasSubstr("rank 0 undefined, rank 1 Float [2]"));
  EXPECT_THAT(message_of([&] { pad_across_processes(*world_, of_others, {}); }),
              HasSubstr("rank 0 undefined, rank 1 Float [2]"));
}

}  // namespace
}  // namespace accelerate
