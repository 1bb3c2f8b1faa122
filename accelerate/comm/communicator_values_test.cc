// What a Communicator makes of values that not every backend knows, through shared memory, over
// Gloo and over both.
#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "accelerate/comm/communicator.h"
#include "accelerate/comm/testing/forked_ranks.h"
#include "accelerate/comm/testing/joined_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/errors/message_of.h"

namespace accelerate::internal {
namespace {

constexpr int kSize = 3;

// Calls `check(communicator, rank)`, which throws where something is wrong.
template <class Check>
void on_every_backend(const Check& check) {
  for (const std::string hosts : {"000", "001", "012"}) {
    for (const RankEnd& end :
         run_forked(kSize, [&](int rank, const c10::intrusive_ptr<c10d::Store>&store) {
           Communicator communicator(join(store, rank, kSize, hosts), at::kCPU,
                                     std::chrono::minutes(10));
           check(communicator, rank);
           communicator.barrier();
           return std::string();
         })) {
      EXPECT_EQ(end.text, "") << "hosts " << hosts;
      EXPECT_EQ(end.signal, 0) << "hosts " << hosts;
    }
  }
}

void expect_equal(const at::Tensor& found, const at::Tensor& expected, const char* what) {
  TORCH_CHECK(at::allclose(found, expected, 0, 0, /*equal_nan=*/true), what, " is ", found, " for ",
              expected);
}

TEST(CommunicatorValues, KeepWhatIsNotANumber) {
  on_every_backend([](Communicator& communicator, int rank) {
    for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      for (int holder = 0; holder < kSize; ++holder) {
        for (const ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
          at::Tensor values = at::full({kSize}, rank, type);
          if (rank == holder) values[1].fill_(NAN);
          at::Tensor part = at::empty({1}, type);
          communicator.reduce_scatter(values, part, op);
          communicator.all_reduce(values, op);
          const double other = op == ReduceOp::kMax ? kSize - 1 : 0;
          const at::Tensor expected =
              at::tensor({other, std::nan(""), other}, at::kDouble).to(type);
          expect_equal(values, expected, "all_reduce");
          expect_equal(part, expected.narrow(0, rank, 1), "reduce_scatter");
        }
      }
    }
  });
}

TEST(CommunicatorValues, AreAveragedWhereTheirSumIsTooLarge) {
  on_every_backend([](Communicator& communicator, int) {
    at::Tensor values = at::full({kSize}, 60000, at::kHalf), part = at::empty({1}, at::kHalf);
    communicator.reduce_scatter(values, part, ReduceOp::kMean);
    communicator.all_reduce(values, ReduceOp::kMean);
    expect_equal(values, at::full({kSize}, 60000, at::kHalf), "all_reduce");
    expect_equal(part, at::full({1}, 60000, at::kHalf), "reduce_scatter");
  });
}

TEST(CommunicatorValues, AreThoseOfTheElementsHoweverTheyLie) {
  on_every_backend([](Communicator& communicator, int rank) {
    at::Tensor memory = at::arange(10, at::kFloat);
    at::Tensor even = memory.slice(0, 0, 10, 2);
    communicator.all_reduce(even, ReduceOp::kSum);
    at::Tensor expected = at::arange(10, at::kFloat);
    expected.slice(0, 0, 10, 2).mul_(kSize);
    expect_equal(memory, expected, "all_reduce");
    const at::Tensor square = at::arange(6, at::kFloat).view({2, 3});
    // Rank 1 has the same elements in another order.
    at::Tensor mine = rank == 1 ? square.t().contiguous().t() : square.clone();
    communicator.all_reduce(mine, ReduceOp::kSum);
    expect_equal(mine, kSize * square, "all_reduce of a transposed tensor");
    mine.copy_(rank == 0 ? square : at::zeros({2, 3}));
    communicator.broadcast(mine, 0);
    expect_equal(mine, square, "broadcast to a transposed tensor");
    at::Tensor mean =
        (rank == 1 ? square.t().contiguous().t() : square.clone()) * communicator.mean_factor();
    communicator.start_mean(mean).wait();
    TORCH_CHECK(at::allclose(mean, square), "start_mean is ", mean);
  });
}

TEST(CommunicatorValues, OfTypesThatBackendsDoNotKnow) {
  on_every_backend([](Communicator& communicator, int rank) {
    at::Tensor truths = at::ones({2}, at::kBool);
    communicator.all_reduce(truths, ReduceOp::kSum);
    expect_equal(truths.view(at::kByte), at::ones({2}, at::kByte), "a sum of truths");
    at::Tensor numbers = at::full({2}, rank, at::kShort);
    communicator.all_reduce(numbers, ReduceOp::kSum);
    expect_equal(numbers, at::full({2}, 3, at::kShort), "a sum of shorts");
    communicator.broadcast(numbers.fill_(rank), 1);
    expect_equal(numbers, at::ones({2}, at::kShort), "a broadcast of shorts");
    for (const auto type : {at::kShort, at::kComplexFloat, at::kComplexDouble}) {
      const auto all = communicator.all_gather(at::full({2}, rank, type));
      for (int i = 0; i < kSize; ++i)
        TORCH_CHECK(all[i].equal(at::full({2}, i, type)), "all_gather of ", type);
    }
  });
}

TEST(CommunicatorValues, HaveNoMeanWhereTheyAreIntegers) {
  on_every_backend([](Communicator& communicator, int) {
    at::Tensor numbers = at::ones({kSize}, at::kLong), part = at::ones({1}, at::kLong);
    for (const std::string& message :
         {message_of([&] { static_cast<void>(communicator.start_mean(numbers)); }), message_of([&] {
            static_cast<void>(communicator.start_reduce_scatter_mean(numbers, part));
          })}) {
      TORCH_CHECK(message.find("convert the tensor to a floating type") != std::string::npos,
                  message);
    }
  });
}

TEST(CommunicatorValues, AreCopiedAlsoWhereAProcessIsAlone) {
  Communicator alone;
  const at::Tensor own = at::ones({2});
  alone.all_gather(own)[0].fill_(5);
  EXPECT_TRUE(own.equal(at::ones({2})));
  at::Tensor complex = at::ones({2}, at::kComplexFloat);
  EXPECT_THROW(alone.all_reduce(complex, ReduceOp::kMax), c10::Error);
}

}  // namespace
}  // namespace accelerate::internal
