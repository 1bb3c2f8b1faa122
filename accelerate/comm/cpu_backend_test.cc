// The ranks are processes here.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "accelerate/comm/shared_memory/meeting.h"
#include "accelerate/comm/testing/forked_ranks.h"
#include "accelerate/comm/testing/joined_backend.h"

namespace accelerate::internal {
namespace {

// What rank `rank` gives. Small whole numbers, of which every type adds up some without rounding.
at::Tensor given(int rank, int64_t count, c10::ScalarType type) {
  const at::Tensor values = (at::arange(count) * 7 + rank * 5) % 11;
  return type == at::kBool ? values.gt(5) : values.to(type);
}

at::Tensor expected_of(int size, int64_t count, c10::ScalarType type,
                       c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> all;
  for (int rank = 0; rank < size; ++rank)
    all.push_back(given(rank, count, type).to(type == at::kBool ? at::kLong : at::kDouble));
  const at::Tensor stacked = at::stack(all);
  if (operation == c10d::ReduceOp::MAX) return stacked.amax(0).to(type);
  if (operation == c10d::ReduceOp::MIN) return stacked.amin(0).to(type);
  const at::Tensor sum = stacked.sum(0);
  if (operation == c10d::ReduceOp::SUM) return sum.to(type);
  return sum.to(type == at::kDouble ? at::kDouble : at::kFloat).div(size).to(type);
}

// Every operation on every type; a line for what is wrong.
std::string check_reductions(const Backend& backend, std::vector<c10::ScalarType> types,
                             double tolerance) {
  const int rank = backend->getRank(), size = backend->getSize();
  std::ostringstream wrong;
  for (const c10::ScalarType type : types) {
    for (const auto operation :
         {c10d::ReduceOp::SUM, c10d::ReduceOp::MAX, c10d::ReduceOp::MIN, c10d::ReduceOp::AVG}) {
      if (operation == c10d::ReduceOp::AVG && !c10::isFloatingType(type)) continue;
      for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{1003}, int64_t{60'001}}) {
        at::Tensor tensor = given(rank, count, type);
        all_reduce(backend, tensor, operation);
        const at::Tensor expected = expected_of(size, count, type, operation);
        const bool right = tolerance == 0 ? at::equal(tensor, expected)
                                          : at::allclose(tensor, expected, tolerance, tolerance);
        if (!right)
          wrong << type << ' ' << static_cast<int>(operation) << ' ' << count << ": " << tensor[0]
                << " for " << expected[0] << '\n';
      }
    }
  }
  return wrong.str();
}

std::string check_others(const Backend& backend) {
  const int rank = backend->getRank(), size = backend->getSize();
  std::ostringstream wrong;
  for (const int64_t count : {int64_t{0}, int64_t{7}, kLarge}) {
    for (const c10::ScalarType type : {at::kShort, at::kComplexFloat}) {
      if (count == kLarge && type != at::kShort) continue;
      for (int root = 0; root < size; ++root) {
        std::vector<at::Tensor> tensors{given(rank, count, type)};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        backend->broadcast(tensors, options)->wait();
        if (!at::equal(tensors[0], given(root, count, type)))
          wrong << "broadcast of " << count << " from " << root << '\n';
      }
      std::vector<at::Tensor> inputs{given(rank, count, type)};
      std::vector<std::vector<at::Tensor>> outputs(1);
      for (int i = 0; i < size; ++i) outputs[0].push_back(at::empty_like(inputs[0]));
      backend->allgather(outputs, inputs)->wait();
      for (int i = 0; i < size; ++i) {
        if (!at::equal(outputs[0][i], given(i, count, type)))
          wrong << "all_gather of " << count << ", rank " << i << '\n';
      }
    }
    // Whole, and each rank's part of the sum.
    at::Tensor mine = given(rank, count, at::kFloat), all = at::empty({size * count});
    backend->_allgather_base(all, mine)->wait();
    at::Tensor own = at::empty({count});
    backend->_reduce_scatter_base(own, all, {.reduceOp = c10d::ReduceOp::SUM})->wait();
    if (!at::equal(own, size * mine)) wrong << "reduce_scatter of " << count << '\n';
  }
  backend->barrier()->wait();
  return wrong.str();
}

void expect_nothing_wrong(const std::vector<RankEnd>& ends) {
  for (const RankEnd& end : ends) {
    EXPECT_EQ(end.text, "");
    EXPECT_EQ(end.signal, 0);
  }
}

const std::vector<c10::ScalarType> kAllTypes{at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                             at::kChar,  at::kByte,   at::kBool, at::kShort,
                                             at::kInt,   at::kLong};

TEST(CpuBackend, ReducesEveryTypeByEveryOperation) {
  for (const int size : {2, 3, 5}) {
    expect_nothing_wrong(run_forked(size, [size](int rank, const Store& store) {
      const Backend backend = join(store, rank, size);
      TORCH_CHECK(backend->getBackendName() == "shared_memory", backend->getBackendName());
      return check_reductions(backend, kAllTypes, 0) + check_others(backend);
    }));
  }
}

TEST(CpuBackend, GathersIntoOneTensorAndScatters) {
  expect_nothing_wrong(run_forked(3, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 3);
    at::Tensor mine = given(rank, kLarge, at::kFloat), all = at::empty({3 * kLarge});
    backend->_allgather_base(all, mine)->wait();
    at::Tensor sum = at::empty({kLarge});
    backend->_reduce_scatter_base(sum, all, {.reduceOp = c10d::ReduceOp::SUM})->wait();
    TORCH_CHECK(at::equal(sum, 3 * mine), "the sum of three equal parts is wrong");
    std::vector<at::Tensor> outputs{at::empty({kLarge})};
    std::vector<std::vector<at::Tensor>> inputs{all.chunk(3)};
    backend->reduce_scatter(outputs, inputs, {.reduceOp = c10d::ReduceOp::AVG})->wait();
    TORCH_CHECK(at::equal(outputs[0], mine), "the mean of three equal parts is wrong");
    return "";
  }));
}

// One of the sums is of other parameters than the other.
TEST(CpuBackend, ComparesWhatCollectivesAreFor) {
  expect_nothing_wrong(run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 2);
    auto& tagged = dynamic_cast<OwnBackend&>(*backend);
    at::Tensor sum = at::ones({4});
    tagged.tag_next(7);
    all_reduce(backend, sum, c10d::ReduceOp::SUM);
    tagged.tag_next(rank);
    try {
      all_reduce(backend, sum, c10d::ReduceOp::SUM);
    } catch (const std::exception& error) {
      const std::string what = error.what();
      return what.find("number 2 with the tag 1") != std::string::npos ? "" : what;
    }
    return "it was not noticed";
  }));
}

// Random numbers, whose sum depends on the order in which it is taken.
TEST(CpuBackend, GivesTheSameBitsOnEveryRankInEveryRun) {
  std::set<std::string> results;
  for (int run = 0; run < 2; ++run) {
    for (const RankEnd& end : run_forked(3, [](int rank, const Store&store) {
           const Backend backend = join(store, rank, 3);
           std::string bits;
           for (const c10::ScalarType type : {at::kFloat, at::kBFloat16}) {
             at::manual_seed(rank);
             at::Tensor tensor = at::randn({200'003}).to(type);
             all_reduce(backend, tensor, c10d::ReduceOp::SUM);
             bits += std::to_string(
                 tensor.view(type == at::kFloat ? at::kInt : at::kShort).sum().item<int64_t>());
             bits += ' ';
           }
           return bits;
         }))
      results.insert(end.text);
  }
  EXPECT_EQ(results.size(), 1U) << testing::PrintToString(results);
}

TEST(CpuBackend, AddsUpNarrowTypesInFloat) {
  expect_nothing_wrong(run_forked(4, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 4);
    for (const c10::ScalarType type : {at::kHalf, at::kBFloat16}) {
      // Rounded after each addition, or to infinity, the small ones would be lost.
      at::Tensor mean = at::full({5}, rank == 0 ? 256 : 1, type);
      all_reduce(backend, mean, c10d::ReduceOp::SUM);
      TORCH_CHECK(mean[4].item<float>() == at::full({}, 259, type).item<float>(), mean);
      at::Tensor large = at::full({5}, 60'000, type);
      all_reduce(backend, large, c10d::ReduceOp::AVG);
      TORCH_CHECK(large[4].item<float>() == at::full({}, 60'000, type).item<float>(), large);
    }
    return "";
  }));
}

TEST(CpuBackend, KeepsManyUnderWay) {
  for (const std::string hosts : {"", "0011"}) {
    expect_nothing_wrong(run_forked(4, [&hosts](int rank, const Store& store) -> std::string {
      const Backend backend = join(store, rank, 4, hosts);
      std::vector<at::Tensor> tensors;
      std::vector<c10::intrusive_ptr<c10d::Work>> works;
      for (int i = 0; i < 30; ++i) {
        tensors.push_back(at::full({1 + 40'000 * (i % 7)}, rank + i, at::kFloat));
        std::vector<at::Tensor> one{tensors.back()};
        works.push_back(backend->allreduce(one, {.reduceOp = c10d::ReduceOp::AVG}));
        // Waits mix with starts differently on each rank.
        if (i % (rank + 2) == 1) works[i / 2]->wait();
      }
      // The last first: its turn comes after all others.
      for (int i = 29; i >= 0; --i) {
        works[i]->wait();
        TORCH_CHECK(works[i]->isCompleted() && works[i]->isSuccess(), i);
        TORCH_CHECK(at::equal(tensors[i], at::full_like(tensors[i], 1.5 + i)), tensors[i][0]);
      }
      return "";
    }));
  }
}

TEST(CpuBackend, KeepsTheTensorOfAWorkThatNobodyWaitsFor) {
  expect_nothing_wrong(run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 2);
    for (int i = 0; i < 20; ++i) {
      std::vector<at::Tensor> forgotten{at::full({100'000}, rank)};
      backend->allreduce(forgotten);
    }
    at::Tensor one = at::ones({1});
    all_reduce(backend, one, c10d::ReduceOp::SUM);
    TORCH_CHECK(one.item<int>() == 2);
    return "";
  }));
}

TEST(CpuBackend, RefusesWhatItCannotDo) {
  expect_nothing_wrong(run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 2);
    at::Tensor numbers = at::ones({2}, at::kLong), complex = at::ones({2}, at::kComplexFloat);
    EXPECT_THROW(all_reduce(backend, numbers, c10d::ReduceOp::AVG), c10::Error);
    EXPECT_THROW(all_reduce(backend, numbers, c10d::ReduceOp::PRODUCT), c10::Error);
    EXPECT_THROW(all_reduce(backend, complex, c10d::ReduceOp::SUM), c10::Error);
    at::Tensor sparse = at::ones({4, 4}).slice(1, 0, 4, 2);
    EXPECT_THROW(all_reduce(backend, sparse, c10d::ReduceOp::SUM), c10::Error);
    // It is none the worse for it.
    backend->barrier()->wait();
    return testing::Test::HasFailure() ? "something was not refused" : "";
  }));
}

// ---- Several hosts

TEST(CpuBackend, ReducesInsideHostsFirst) {
  for (const std::string hosts : {"0011", "01102"}) {
    const int size = static_cast<int>(hosts.size());
    expect_nothing_wrong(run_forked(size, [&](int rank, const Store& store) {
      const Backend backend = join(store, rank, size, hosts);
      TORCH_CHECK(backend->getBackendName() == "shared_memory and gloo", backend->getBackendName());
      // A mean is divided before the hosts add it up.
      return check_reductions(backend, kAllTypes, 0.02) + check_others(backend);
    }));
  }
}

TEST(CpuBackend, UsesGlooAloneWhereNoHostHasTwo) {
  expect_nothing_wrong(run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 2, "01");
    backend->barrier()->wait();
    return backend->getBackendName() == "gloo" ? "" : backend->getBackendName();
  }));
}

TEST(CpuBackend, UsesGlooWhereItIsToldTo) {
  expect_nothing_wrong(run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend = make_cpu_backend(store, {.rank = rank,
                                                     .size = 2,
                                                     .timeout = kLong,
                                                     .hostname = "127.0.0.1",
                                                     .shared_memory = false});
    backend->barrier()->wait();
    return backend->getBackendName() == "gloo" ? "" : backend->getBackendName();
  }));
}

TEST(CpuBackend, UsesGlooOnAllRanksWhereOneHostHasNoMemory) {
  expect_nothing_wrong(run_forked(4, [](int rank, const Store& store) -> std::string {
    if (rank == 2) {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{1 << 20, 1 << 20};
      setrlimit(RLIMIT_FSIZE, &limit);
    }
    const Backend backend = join(store, rank, 4, "0011");
    backend->barrier()->wait();
    return backend->getBackendName() == "gloo" ? "" : backend->getBackendName();
  }));
}

TEST(CpuBackend, KnowsOnAllRanksWhatKeepsOneFromSharingMemory) {
  for (const RankEnd& end : run_forked(3, [](int rank, const Store&store) {
         if (rank == 1) {
           // Room for a few megabytes more, and not for the region.
           rlim_t pages = 0;
           std::ifstream("/proc/self/statm") >> pages;
           const rlim_t most = pages * sysconf(_SC_PAGESIZE) + (rlim_t{8} << 20);
           const rlimit limit{most, most};
           setrlimit(RLIMIT_AS, &limit);
         }
         return meet(*store, {.rank = rank, .size = 3}).obstacle;
       })) {
    EXPECT_EQ(end.text, "rank 1: mmap of shared memory: Cannot allocate memory");
  }
}

}  // namespace
}  // namespace accelerate::internal
