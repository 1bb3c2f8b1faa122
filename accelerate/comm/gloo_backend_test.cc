// That the Gloo inside LibTorch fits the headers of Gloo, which come from elsewhere.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/comm/testing/forked_ranks.h"
#include "accelerate/comm/testing/joined_backend.h"

namespace accelerate::internal {
namespace {

std::string sum_of_ranks(const BackendOptions& options, const Store& store) {
  const Backend gloo = make_gloo_backend(store, options);
  at::Tensor value = at::full({1}, options.rank + 1.0);
  all_reduce(gloo, value, c10d::ReduceOp::SUM);
  return gloo->getBackendName() + " " + std::to_string(value.item<double>());
}

TEST(GlooBackend, IsMadeForEachKindOfAddress) {
  const BackendOptions by_name{.rank = 0, .size = 2, .timeout = kLong, .hostname = "127.0.0.1"};
  const BackendOptions by_interface{
      .rank = 0, .size = 2, .timeout = kLong, .network_interface = "lo"};
  for (const BackendOptions& options : {by_name, by_interface}) {
    const auto ends = run_forked(2, [&](int rank, const Store& store) {
      BackendOptions own = options;
      own.rank = rank;
      return sum_of_ranks(own, store);
    });
    for (const RankEnd& end : ends) {
      EXPECT_EQ(end.signal, 0) << "LibTorch's Gloo no longer fits the headers of @gloo";
      EXPECT_EQ(end.text, "gloo 3.000000");
    }
  }
}

// Of this process: how many would be ended by a peer that has gone.
int threads_with_sigpipe() {
  int threads = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    std::string word;
    while (status >> word && word != "SigBlk:") {
    }
    uint64_t blocked = 0;
    status >> std::hex >> blocked;
    if (((blocked >> (SIGPIPE - 1)) & 1) == 0) ++threads;
  }
  return threads;
}

TEST(GlooBackend, OutlivesAPeerThatItWritesTo) {
  for (const RankEnd& end : run_forked(2, [&](int rank, const Store&store) {
         const int before = threads_with_sigpipe();
         const Backend gloo = make_gloo_backend(
             store, {.rank = rank, .size = 2, .timeout = kLong, .hostname = "127.0.0.1"});
         return std::to_string(threads_with_sigpipe() - before);
       })) {
    EXPECT_EQ(end.text, "0");
  }
}

TEST(GlooBackend, GathersPartsOfAnyShape) {
  for (const RankEnd& end : run_forked(2, [&](int rank, const Store&store) {
         Communicator world(
             make_gloo_backend(
                 store, {.rank = rank, .size = 2, .timeout = kLong, .hostname = "127.0.0.1"}),
             at::kCPU, kLong);
         at::Tensor all = at::zeros({2, 2}), part = at::zeros({});
         world.all_gather(at::full({2}, rank + 1.0), all);
         world.reduce_scatter(at::arange(2, at::kFloat), part, ReduceOp::kSum);
         return std::to_string(all.sum().item<double>() + part.item<double>() * 10);
       })) {
    EXPECT_THAT(end.text, testing::AnyOf("6.000000", "26.000000"));
  }
}

}  // namespace
}  // namespace accelerate::internal
