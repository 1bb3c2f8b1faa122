// That the Gloo inside LibTorch fits the headers of Gloo, which come from elsewhere.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "accelerate/comm/backend.h"
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

}  // namespace
}  // namespace accelerate::internal
