#include "accelerate/tracking/rank_means.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_join.h"

namespace accelerate::internal {
namespace {

// Note [Different names]
// Ranks that log different names would get means of different things. Names are texts, whose
// comparison would cost a collective of its own in each call, and on a GPU a wait. Instead, the
// values travel behind two digests of the names and their squares. Sums of small whole numbers are
// exact, and n numbers are equal just where n times the sum of their squares is the square of their
// sum. So that ranks with more or fewer values still come to the same collective, the first one is
// of the same size whatever there is, and a second one, for what has no room in it, comes only
// when the digests have shown that all ranks will be there.
constexpr int64_t kDigests = 2;
// Behind the digests: how many ranks refuse.
constexpr int64_t kRefusals = 2 * kDigests;
constexpr int64_t kHeader = kRefusals + 1;
constexpr int64_t kFirstSize = kHeader + 60;
constexpr int64_t kLargestDigest = int64_t{1} << 20;

// FNV-1a with another seed for each.
double digest_of(const std::vector<std::string>& names, uint64_t seed) {
  uint64_t hash = 14695981039346656037u ^ seed;
  for (const std::string& name : names) {
    for (const char byte : name) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
    hash = (hash ^ 256u) * 1099511628211u;
  }
  return static_cast<double>((hash ^ (hash >> 32)) % kLargestDigest);
}

bool has_one_header(const double* sums, int ranks) {
  for (int64_t i = 0; i < kDigests; ++i)
    if (ranks * sums[2 * i + 1] != sums[2 * i] * sums[2 * i]) return false;
  return true;
}

constexpr const char* kRemedy =
    "; means over the ranks need the same names in the same order on all of them";

std::string listed(const std::vector<std::string>& names) { return absl::StrJoin(names, ", "); }

[[noreturn]] void refuse(const std::vector<std::string>& names) {
  TORCH_CHECK(false, "log(): another rank does not log what this one does (", listed(names), ")",
              kRemedy);
}

// On the CPU, where all ranks look at the header and so come here.
[[noreturn]] void refuse_on_all_ranks(Communicator& communicator,
                                      const std::vector<std::string>& names) {
  const std::vector<std::string> all = communicator.all_gather_bytes(listed(names));
  std::string message;
  for (size_t rank = 0; rank < all.size(); ++rank)
    message += c10::str(rank > 0 ? "; " : "", "rank ", rank, ": ", all[rank]);
  TORCH_CHECK(false, "log(): the ranks log different values (", message, ")", kRemedy);
}

// The header and the values of this rank, on the device, which nobody waits for.
at::Tensor values_on(c10::Device device, const std::vector<std::string>& names,
                     const std::vector<RankMeans::Number>& numbers, bool refuses) {
  const int64_t used = kHeader + static_cast<int64_t>(numbers.size());
  const bool is_cpu = device.is_cpu();
  const at::Tensor host = at::zeros({std::max(used, kFirstSize)},
                                    at::TensorOptions().dtype(at::kDouble).pinned_memory(!is_cpu));
  auto* values = host.mutable_data_ptr<double>();
  for (int64_t i = 0; i < kDigests; ++i) {
    values[2 * i] = digest_of(names, static_cast<uint64_t>(i));
    values[2 * i + 1] = values[2 * i] * values[2 * i];
  }
  values[kRefusals] = refuses ? 1 : 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto* tensor = std::get_if<at::Tensor>(&numbers[i]);
    if (tensor == nullptr) {
      values[kHeader + i] = std::get<double>(numbers[i]);
    } else if (tensor->is_cpu()) {
      values[kHeader + i] = tensor->item<double>();
    }
  }
  at::Tensor all = host.to(device, /*non_blocking=*/!is_cpu);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto* tensor = std::get_if<at::Tensor>(&numbers[i]);
    if (tensor == nullptr || tensor->is_cpu()) continue;
    all.select(0, kHeader + static_cast<int64_t>(i))
        .copy_(tensor->detach().reshape({}), /*non_blocking=*/!is_cpu);
  }
  return all;
}

at::Tensor sums_of(Communicator& communicator, c10::Device device,
                   const std::vector<std::string>& names,
                   const std::vector<RankMeans::Number>& numbers, bool refuses) {
  c10::AutoGradMode no_grad(false);
  const at::Tensor sums = values_on(device, names, numbers, refuses);
  at::Tensor first = sums.narrow(0, 0, kFirstSize);
  communicator.all_reduce(first, ReduceOp::kSum);
  const bool has_rest = sums.numel() > kFirstSize;
  if (!device.is_cpu() && !has_rest) return sums;
  const HostCopy header(first.narrow(0, 0, kHeader));
  if (!has_one_header(header.get().const_data_ptr<double>(), communicator.size())) {
    if (device.is_cpu()) refuse_on_all_ranks(communicator, names);
    refuse(names);
  }
  if (has_rest) {
    at::Tensor rest = sums.narrow(0, kFirstSize, sums.numel() - kFirstSize);
    communicator.all_reduce(rest, ReduceOp::kSum);
  }
  return sums;
}

}  // namespace

RankMeans::RankMeans(Communicator& communicator, c10::Device device,
                     const std::vector<std::string>& names, const std::vector<Number>& numbers,
                     bool refuses)
    : names_(names),
      ranks_(communicator.size()),
      sums_(sums_of(communicator, device, names, numbers, refuses)),
      is_refused_(refuses ||
                  (device.is_cpu() && sums_.get().const_data_ptr<double>()[kRefusals] > 0)) {}

std::vector<double> RankMeans::get() const {
  const double* sums = sums_.get().const_data_ptr<double>();
  if (!has_one_header(sums, ranks_)) refuse(names_);
  std::vector<double> means;
  for (size_t i = 0; i < names_.size(); ++i) means.push_back(sums[kHeader + i] / ranks_);
  return means;
}

}  // namespace accelerate::internal
