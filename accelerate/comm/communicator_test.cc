// Runs on several processes at once; every test runs on each of them.
#include "accelerate/comm/communicator.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>

#include "accelerate/comm/operations.h"
#include "accelerate/comm/testing/world_test.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using testing::Not;

class CommunicatorTest : public WorldTest {
 protected:
  // 1 to P on rank 0, P + 1 to 2 P on rank 1, ...
  at::Tensor own_numbers() const {
    return at::arange(size_, at::kFloat) + 1 + static_cast<double>(size_) * rank_;
  }
};

TEST_F(CommunicatorTest, LeavesNoSocketOfItsStoreToProgramsThatAreStarted) {
  EXPECT_EQ(std::getenv("ACCELERATE_STORE_FD"), nullptr);
  constexpr int kFirst = 3, kMost = 1024;
  for (int fd = kFirst; fd < kMost; ++fd) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens) continue;
    EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC) << fd;
  }
}

TEST_F(CommunicatorTest, ReducesInPlaceOnEveryRank) {
  for (const auto type : {at::kFloat, at::kDouble, at::kLong, at::kHalf, at::kBFloat16}) {
    at::Tensor sum = at::full({3}, rank_ + 1, type);
    world_->all_reduce(sum, ReduceOp::kSum);
    EXPECT_EQ(sum[2].item<double>(), size_ * (size_ + 1) / 2) << type;
    at::Tensor most = at::full({3}, rank_, type);
    world_->all_reduce(most, ReduceOp::kMax);
    EXPECT_EQ(most[0].item<double>(), size_ - 1) << type;
  }
  at::Tensor mean = at::full({2}, 2.0 * rank_);
  world_->all_reduce(mean, ReduceOp::kMean);
  EXPECT_EQ(mean[0].item<double>(), size_ - 1);
  at::Tensor least = at::full({2}, rank_ + 5);
  world_->all_reduce(least, ReduceOp::kMin);
  EXPECT_EQ(least[0].item<double>(), 5);
}

TEST_F(CommunicatorTest, RefusesTheMeanOfIntegers) {
  at::Tensor numbers = at::ones({1}, at::kLong);
  EXPECT_THROW(world_->all_reduce(numbers, ReduceOp::kMean), c10::Error);
}

TEST_F(CommunicatorTest, RefusesWhatNoBackendCombines) {
  for (const auto type : {at::kUInt32, at::kUInt64, at::kFloat8_e4m3fn}) {
    at::Tensor numbers = at::ones({2}).to(type);
    const std::string message = message_of([&] { world_->all_reduce(numbers, ReduceOp::kSum); });
    EXPECT_THAT(message, HasSubstr("cannot be combined over processes; convert the tensor to "));
    EXPECT_THAT(message, Not(HasSubstr("a peer has ended")));
  }
}

TEST_F(CommunicatorTest, RefusesATimeoutThatIsNone) {
  const auto worker = launcher::read_worker_environment().value().value();
  if (size_ == 1) return;
  EXPECT_THAT(message_of([&] {
                Communicator::connect(worker, make_process_info(worker, c10::DeviceType::CPU),
                                      {.timeout = std::chrono::milliseconds(0)});
              }),
              HasSubstr("process_group.timeout is 0 ms"));
}

TEST_F(CommunicatorTest, BroadcastsFromAnyRank) {
  at::Tensor value = at::full({2}, rank_);
  world_->broadcast(value, size_ - 1);
  EXPECT_EQ(value[1].item<int>(), size_ - 1);
  EXPECT_THROW(world_->broadcast(value, size_), c10::Error);
}

TEST_F(CommunicatorTest, BroadcastsBytes) {
  for (const std::string& bytes : {std::string(), std::string("a\0b", 3), std::string(5000, 'x')})
    EXPECT_EQ(world_->broadcast_bytes(rank_ == 1 ? bytes : "another", 1), bytes);
}

TEST_F(CommunicatorTest, AveragesWhileOtherWorkGoesOn) {
  const double mean = (size_ + 1) / 2.0, mine = (rank_ + 1) * world_->mean_factor();
  at::Tensor one = at::full({4}, mine), two = at::full({4}, 10 * mine);
  auto first = world_->start_mean(one), second = world_->start_mean(two);
  first.wait();
  second.wait();
  EXPECT_NEAR(one[3].item<double>(), mean, 1e-6);
  EXPECT_NEAR(two[0].item<double>(), 10 * mean, 1e-5);
}

TEST_F(CommunicatorTest, GathersBytesOfAnyLength) {
  const auto all = world_->all_gather_bytes(std::string(rank_ * 3, 'x'));
  ASSERT_EQ(all.size(), static_cast<size_t>(size_));
  for (int rank = 0; rank < size_; ++rank) EXPECT_EQ(all[rank], std::string(rank * 3, 'x'));
}

TEST_F(CommunicatorTest, Gathers) {
  const at::Tensor expected = at::arange(size_ * size_, at::kFloat) + 1;
  EXPECT_TRUE(at::equal(gather(*world_, own_numbers()), expected));
  EXPECT_EQ(gather(*world_, at::full({}, rank_)).size(0), size_);
  const at::Tensor transposed = (at::arange(12).view({3, 4}) + rank_).t();
  EXPECT_TRUE(at::equal(gather(*world_, transposed).narrow(0, 4 * (size_ - 1), 4),
                        (at::arange(12).view({3, 4}) + size_ - 1).t()));
  const at::Tensor truths = gather(*world_, at::full({2}, rank_ == 0, at::kBool));
  EXPECT_EQ(truths.scalar_type(), at::kBool);
  EXPECT_EQ(truths.sum().item<int>(), 2);
}

TEST_F(CommunicatorTest, GathersDifferentLengths) {
  const at::Tensor all = gather(*world_, at::full({rank_, 2}, rank_));
  EXPECT_EQ(all.size(0), size_ * (size_ - 1) / 2);
  EXPECT_EQ(all[all.size(0) - 1][0].item<int>(), size_ - 1);
}

TEST_F(CommunicatorTest, NamesShapesThatDoNotFit) {
  const at::Tensor odd = rank_ == 0 ? at::ones({1, 5}) : at::ones({1, 2, 5});
  for (const std::string& message : {message_of([&] { gather(*world_, odd); }),
                                     message_of([&] { reduce(*world_, odd, ReduceOp::kSum, 1); }),
                                     message_of([&] { broadcast(*world_, odd, 0); }),
                                     message_of([&] { pad_across_processes(*world_, odd, {}); })}) {
    EXPECT_THAT(message, HasSubstr("rank 0 Float [1, 5], rank 1 Float [1, 2, 5]"));
  }
  const at::Tensor mixed = rank_ == 0 ? at::ones({2}) : at::ones({2}, at::kLong);
  EXPECT_THAT(message_of([&] { gather(*world_, mixed); }), HasSubstr("rank 1 Long"));
}

// As a rank does that saves, of which nothing here knows.
TEST_F(CommunicatorTest, NamesTheRankThatIsInAnotherCollective) {
  for (const std::string& sent : {std::string("save_state() at main.cc:7"), std::string(16, 'x'),
                                  std::string(), std::string(8, '\xff')}) {
    if (rank_ == 1) {
      world_->all_gather_bytes(sent);
      continue;
    }
    EXPECT_THAT(message_of([&] { reduce(*world_, own_numbers(), ReduceOp::kSum, 1); }),
                HasSubstr("reduce: what rank 1 sent does not describe a tensor"));
  }
}

TEST_F(CommunicatorTest, ReducesWithoutChangingTheArgument) {
  const at::Tensor numbers = own_numbers();
  const at::Tensor copy = numbers.clone();
  const at::Tensor mean = reduce(*world_, numbers, ReduceOp::kMean, 2.0);
  EXPECT_EQ(mean[0].item<double>(), 2 * (1 + size_ * (size_ - 1) / 2.0));
  EXPECT_TRUE(at::equal(numbers, copy));
}

TEST_F(CommunicatorTest, Pads) {
  const at::Tensor own = at::ones({rank_ + 2, 10});
  const at::Tensor padded = pad_across_processes(*world_, own, {});
  EXPECT_EQ(padded.sizes(), at::IntArrayRef({size_ + 1, 10}));
  EXPECT_EQ(padded.sum().item<int>(), 10 * (rank_ + 2));
  EXPECT_EQ(padded[0][0].item<int>(), 1);
  const at::Tensor front = pad_across_processes(*world_, own, {.pad_value = -1, .pad_first = true});
  EXPECT_EQ(front[0][0].item<int>(), rank_ == size_ - 1 ? 1 : -1);
  EXPECT_EQ(front[size_][0].item<int>(), 1);
  EXPECT_EQ(pad_across_processes(*world_, own.t(), {.dim = -1}).size(1), size_ + 1);
  EXPECT_TRUE(pad_across_processes(*world_, own, {.dim = 2}).is_same(own));
  EXPECT_TRUE(pad_across_processes(*world_, own, {.dim = -3}).is_same(own));
}

TEST(LoneCommunicator, DoesNothing) {
  Communicator alone;
  EXPECT_EQ(alone.size(), 1);
  at::Tensor value = at::ones({2});
  alone.all_reduce(value, ReduceOp::kMean);
  alone.broadcast(value, 0);
  alone.barrier();
  EXPECT_EQ(value.sum().item<int>(), 2);
  EXPECT_EQ(gather(alone, at::ones({})).dim(), 1);
  EXPECT_EQ(alone.all_gather_bytes("x"), std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace accelerate
