// Collectives of which each rank has a part, on every backend of the CPU. The ranks are processes
// here.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/comm/testing/forked_ranks.h"
#include "accelerate/comm/testing/joined_backend.h"

namespace accelerate::internal {
namespace {

// The host of each rank: shared memory alone, hosts whose ranks lie one behind the other or not,
// and Gloo alone.
const std::vector<std::string> kOneHost{"00", "000", "0000"};
const std::vector<std::string> kSeveralHosts{"0011", "01102", "012201"};
const std::vector<std::string> kGlooAlone{"01", "012"};

std::vector<std::string> all_of(std::vector<std::string> hosts,
                                const std::vector<std::vector<std::string>>& others) {
  for (const auto& each : others) hosts.insert(hosts.end(), each.begin(), each.end());
  return hosts;
}
const std::vector<std::string> kEverywhere = all_of(kOneHost, {kSeveralHosts, kGlooAlone});

constexpr c10::ScalarType kFloatingTypes[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

// Calls `check(communicator)` on each rank, which throws where something is wrong.
template <class Check>
void on_each(const std::vector<std::string>& hosts_of_each, const Check& check) {
  for (const std::string& hosts : hosts_of_each) {
    const int size = static_cast<int>(hosts.size());
    for (const RankEnd& end : run_forked(size, [&](int rank, const Store&store) {
           Communicator communicator(join(store, rank, size, hosts), at::kCPU, kLong);
           check(communicator);
           communicator.barrier();
           return std::string();
         })) {
      EXPECT_EQ(end.text, "") << "hosts " << hosts;
      EXPECT_EQ(end.signal, 0) << "hosts " << hosts;
    }
  }
}

// Numbers whose sum depends on the order in which it is taken.
at::Tensor numbers(int rank, int64_t count, c10::ScalarType type) {
  at::manual_seed(rank);
  return at::randn({count}).to(type);
}

at::Tensor part_of(const at::Tensor& all, const Communicator& communicator) {
  const int64_t part = all.numel() / communicator.size();
  return all.narrow(0, communicator.rank() * part, part);
}

void expect_equal(const at::Tensor& found, const at::Tensor& expected, const char* what) {
  TORCH_CHECK(at::equal(found, expected), what, " of ", found.numel(), ' ', found.scalar_type(),
              " is ", found.flatten().slice(0, 0, 3), " ... for ",
              expected.flatten().slice(0, 0, 3), " ...");
}

// Sharded gradients are those of whole ones, bit for bit.
TEST(CpuBackendParts, OfMeansAreThoseOfTheWholeMean) {
  on_each(kEverywhere, [](Communicator& communicator) {
    for (const auto type : kFloatingTypes) {
      // Also more than the memory that ranks share.
      for (const int64_t part : {0, 1, 3, 1003, 700'001}) {
        if (part == 700'001 && type != at::kFloat && type != at::kBFloat16) continue;
        at::Tensor mean = numbers(communicator.rank(), part * communicator.size(), type) *
                          communicator.mean_factor();
        at::Tensor given = mean.clone(), in_place = mean.clone(), own = at::empty({part}, type);
        at::Tensor own_in_place = part_of(in_place, communicator);
        communicator.start_mean(mean).wait();
        const at::Tensor before = given.clone();
        communicator.start_reduce_scatter_mean(given, own).wait();
        expect_equal(own, part_of(mean, communicator), "the part");
        expect_equal(given, before, "what was given");
        communicator.start_reduce_scatter_mean(in_place, own_in_place).wait();
        expect_equal(own_in_place, own, "the part in its place");
        at::Tensor all = at::empty_like(mean);
        communicator.start_all_gather(own, all).wait();
        expect_equal(all, mean, "all that is gathered");
        communicator.start_all_gather(own_in_place, in_place).wait();
        expect_equal(in_place, mean, "all that is gathered in its place");
      }
    }
  });
}

TEST(CpuBackendParts, OfEveryTypeAndOperationAreThoseOfTheWhole) {
  on_each(kEverywhere, [](Communicator& communicator) {
    for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kChar, at::kByte,
                            at::kBool, at::kShort, at::kInt, at::kLong}) {
      for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin}) {
        const int64_t count = 101 * communicator.size();
        at::Tensor all = (numbers(communicator.rank(), count, at::kFloat) * 9).abs().to(type);
        at::Tensor own = at::empty({101}, type);
        communicator.reduce_scatter(all, own, op);
        communicator.all_reduce(all, op);
        expect_equal(own, part_of(all, communicator), "the part");
        at::Tensor gathered = at::empty_like(all);
        communicator.all_gather(own, gathered);
        expect_equal(gathered, all, "all that is gathered");
      }
    }
  });
}

// Gloo's depend on where in a tensor a number lies.
TEST(CpuBackendParts, AreTheSameWhereverTheyLie) {
  on_each(all_of(kOneHost, {kSeveralHosts}), [](Communicator& communicator) {
    for (const auto type : kFloatingTypes) {
      const at::Tensor given = numbers(communicator.rank(), 200'003, type);
      at::Tensor whole = given.clone(), late = given.slice(0, 70'001).clone(),
                 short_one = given.slice(0, 70'001, 70'011).clone();
      communicator.all_reduce(whole, ReduceOp::kSum);
      communicator.all_reduce(late, ReduceOp::kSum);
      communicator.all_reduce(short_one, ReduceOp::kSum);
      expect_equal(late, whole.slice(0, 70'001), "the sum of the end");
      expect_equal(short_one, whole.slice(0, 70'001, 70'011), "the sum of a few");
    }
  });
}

TEST(CpuBackendParts, OfManyCollectivesAreUnderWayAtOnce) {
  on_each(kEverywhere, [](Communicator& communicator) {
    const int size = communicator.size(), rank = communicator.rank();
    constexpr int kRounds = 9;
    const auto part_size = [](int round) { return int64_t{1} + 40'001 * (round % 4); };
    // Whole numbers, so that they are easily known.
    const auto mean_of = [&](int round) {
      return at::full({size * part_size(round)}, (size + 1) * 2.0 + 4 * round);
    };
    std::vector<at::Tensor> means, inputs, alls;
    std::vector<PendingCollective> pending;
    for (int round = 0; round < kRounds; ++round) {
      const at::Tensor given = at::full({size * part_size(round)}, 4.0 * (rank + 1 + round)) *
                               communicator.mean_factor();
      means.push_back(given.clone());
      inputs.push_back(given.clone());
      alls.push_back(at::empty_like(given));
      at::Tensor own = part_of(inputs.back(), communicator);
      at::Tensor mine = part_of(alls.back(), communicator).fill_(rank + round);
      pending.push_back(communicator.start_reduce_scatter_mean(inputs.back(), own, {.tag = round}));
      pending.push_back(communicator.start_mean(means.back(), {.tag = round}));
      pending.push_back(communicator.start_all_gather(mine, alls.back(), {.tag = round}));
    }
    // Each rank waits in an order of its own.
    std::rotate(pending.begin(), pending.begin() + 5 * rank, pending.end());
    for (PendingCollective& each : pending) each.wait();
    for (int round = 0; round < kRounds; ++round) {
      TORCH_CHECK(at::allclose(means[round], mean_of(round)), "mean ", round);
      TORCH_CHECK(
          at::allclose(part_of(inputs[round], communicator), part_of(mean_of(round), communicator)),
          "part of mean ", round);
      expect_equal(alls[round],
                   (at::arange(size) + round).to(at::kFloat).repeat_interleave(part_size(round)),
                   "all that is gathered");
    }
  });
}

TEST(CpuBackendParts, OfAnotherSizeAreRefused) {
  for (const std::string hosts : {"000", "0011", "0110"}) {
    const int size = static_cast<int>(hosts.size());
    for (const RankEnd& end : run_forked(size, [&](int rank, const Store&store) -> std::string {
           const Backend backend = join(store, rank, size, hosts);
           at::Tensor all = at::ones({2 * size}), part = at::ones({3}), odd = at::ones({5});
           at::Tensor two = at::ones({2});
           EXPECT_THROW(backend->_reduce_scatter_base(part, all), c10::Error);
           EXPECT_THROW(backend->_allgather_base(all, part), c10::Error);
           EXPECT_THROW(backend->_allgather_base(odd, two), c10::Error);
           // It is none the worse for it.
           backend->_allgather_base(all, two)->wait();
           return testing::Test::HasFailure() ? "something was not refused" : "";
         })) {
      EXPECT_EQ(end.text, "") << "hosts " << hosts;
    }
  }
}

}  // namespace
}  // namespace accelerate::internal
