// Checks what the ranks get from one another, for each collective and each type that it carries.
// Each rank computes the expected result by itself, because it knows the input of all ranks. A
// Report (report.h) runs the checks on all ranks.
//
//   Findings found;
//   check_gather(accelerator, found);
//
// Not for tests of the library: use googletest.
#pragma once

#include <torch/torch.h>

#include <array>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/self_test/findings.h"

namespace accelerate::self_test {

constexpr std::array kCarriedTypes = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                      at::kLong,  at::kInt,    at::kByte, at::kBool};
constexpr std::array kReducedTypes = {at::kFloat,    at::kDouble, at::kHalf,
                                      at::kBFloat16, at::kLong,   at::kInt};

// The input of a rank: `rows` rows, which differ between neighbouring ranks. All numbers are small
// enough for each type.
inline at::Tensor numbers_of(int64_t rank, int64_t rows, at::ScalarType type) {
  return (torch::arange(3 * rows).view({rows, 3}) + 2 * rank).remainder(5).to(type);
}

inline std::string in_type(const std::string& what, at::ScalarType type) {
  std::ostringstream text;
  text << what << " in " << type;
  return text.str();
}

// Sums over many ranks are rounded in floating types.
inline double tolerance_of(at::ScalarType type) {
  if (!at::isFloatingType(type)) return 0;
  return type == at::kHalf || type == at::kBFloat16 ? 1e-2 : 1e-6;
}

template <class A>
void check_gather(A& accelerator, Findings& found) {
  const int64_t processes = accelerator.num_processes(), rank = accelerator.process_index();
  for (const at::ScalarType type : kCarriedTypes) {
    std::vector<at::Tensor> even, uneven;
    for (int64_t each = 0; each < processes; ++each) {
      even.push_back(numbers_of(each, 2, type));
      uneven.push_back(numbers_of(each, each + 1, type));
    }
    // Gathers both at once, as the tensors of one value.
    const auto [seen_even, seen_uneven] = accelerator.gather(std::tuple(even[rank], uneven[rank]));
    found.expect_equal(in_type("gather", type), torch::cat(even), seen_even);
    found.expect_equal(in_type("gather of unequal sizes", type), torch::cat(uneven), seen_uneven);
  }
}

template <class A>
void check_reduce(A& accelerator, Findings& found) {
  const int64_t processes = accelerator.num_processes(), rank = accelerator.process_index();
  for (const at::ScalarType type : kReducedTypes) {
    std::vector<at::Tensor> all;
    for (int64_t each = 0; each < processes; ++each)
      all.push_back(numbers_of(each, 2, at::kDouble));
    const at::Tensor stacked = torch::stack(all), mine = all[rank].to(type);
    const auto expect = [&](const char* name, ReduceOp op, const at::Tensor& expected) {
      found.expect_equal(in_type(name, type), expected.to(type), accelerator.reduce(mine, op),
                         tolerance_of(type));
    };
    expect("sum", ReduceOp::kSum, stacked.sum(0));
    expect("max", ReduceOp::kMax, stacked.amax(0));
    expect("min", ReduceOp::kMin, stacked.amin(0));
    if (at::isFloatingType(type)) expect("mean", ReduceOp::kMean, stacked.mean(0));
  }
  // Backends cut large tensors into pieces.
  constexpr int64_t large = 1 << 20;
  const at::Tensor positions = torch::arange(large, torch::kFloat).remainder(4);
  const double sum_of_ranks = 0.5 * static_cast<double>(processes * (processes + 1));
  found.expect_equal("sum of a large tensor", positions * sum_of_ranks,
                     accelerator.reduce(positions * (rank + 1)), 1e-6);
}

template <class A>
void check_broadcast(A& accelerator, Findings& found) {
  const int64_t rank = accelerator.process_index();
  for (const int root : {0, accelerator.num_processes() - 1}) {
    for (const at::ScalarType type : kCarriedTypes) {
      found.expect_equal(in_type("broadcast from rank " + std::to_string(root), type),
                         numbers_of(root, 2, type),
                         accelerator.broadcast(numbers_of(rank, 2, type), root));
    }
  }
}

template <class A>
void check_padding(A& accelerator, Findings& found) {
  const int64_t processes = accelerator.num_processes(), rank = accelerator.process_index();
  const at::Tensor mine = numbers_of(rank, rank + 1, at::kFloat);
  const at::Tensor filling = torch::full({processes - rank - 1, 3}, -1.0);
  found.expect_equal("padding behind", torch::cat({mine, filling}),
                     accelerator.pad_across_processes(mine, {.pad_value = -1}));
  found.expect_equal("padding in front", torch::cat({filling, mine}),
                     accelerator.pad_across_processes(mine, {.pad_value = -1, .pad_first = true}));
}

}  // namespace accelerate::self_test
