#include "accelerate/comm/host_values.h"

#include <algorithm>
#include <sstream>
#include <type_traits>

#include "launcher/text/printable.h"

namespace accelerate {
namespace {

// Strings as bytes: the length of each, then its characters.
std::string packed(const std::vector<std::string>& values) {
  std::string bytes;
  for (const std::string& value : values) {
    const auto length = static_cast<uint64_t>(value.size());
    bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
    bytes += value;
  }
  return bytes;
}

void append_unpacked(size_t rank, const std::string& bytes, std::vector<std::string>& values) {
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length = 0;
    const size_t left = bytes.size() - at;
    if (left >= sizeof(length)) std::memcpy(&length, bytes.data() + at, sizeof(length));
    TORCH_CHECK(left >= sizeof(length) && length <= left - sizeof(length), "what rank ", rank,
                " sent is not a list of texts; it is in another collective, such as a "
                "save. Make all ranks call the same collectives in the same order");
    values.push_back(bytes.substr(at + sizeof(length), length));
    at += sizeof(length) + length;
  }
}

template <class Wide>
Wide sum_of(Wide a, Wide b) {
  if constexpr (std::is_floating_point_v<Wide>) {
    return a + b;
  } else {
    Wide sum;
    TORCH_CHECK(!__builtin_add_overflow(a, b, &sum),
                "reduce: the sum over the ranks is too large for an integer; use double");
    return sum;
  }
}

template <class Wide>
Wide combined(Wide a, Wide b, ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kMean:
      return sum_of(a, b);
    // A NaN of any rank is the result, as it is for tensors.
    case ReduceOp::kMax:
      return a != a || a > b ? a : b;
    case ReduceOp::kMin:
      return a != a || a < b ? a : b;
  }
  TORCH_CHECK(false, "unknown reduce operation");
}

}  // namespace

void check_alike(Communicator& communicator, const char* operation,
                 const std::string& description) {
  if (communicator.size() == 1) return;
  const std::vector<std::string> all = communicator.all_gather_bytes(description);
  const auto is_mine = [&](const std::string& each) { return each == description; };
  if (std::all_of(all.begin(), all.end(), is_mine)) return;
  std::ostringstream text;
  for (size_t rank = 0; rank < all.size(); ++rank)
    text << (rank > 0 ? ", " : "") << "rank " << rank << ": " << launcher::plain_start(all[rank]);
  TORCH_CHECK(false, operation, ": the values of the ranks have different structures (", text.str(),
              "); give every rank the same keys, and containers of the same size");
}

std::vector<std::string> gather(Communicator& communicator,
                                const std::vector<std::string>& values) {
  std::vector<std::string> all;
  const std::vector<std::string> sent = communicator.all_gather_bytes(packed(values));
  for (size_t rank = 0; rank < sent.size(); ++rank) append_unpacked(rank, sent[rank], all);
  return all;
}

std::vector<std::string> broadcast(Communicator& communicator,
                                   const std::vector<std::string>& values, int root) {
  std::vector<std::string> result;
  append_unpacked(static_cast<size_t>(root), communicator.broadcast_bytes(packed(values), root),
                  result);
  return result;
}

namespace internal {

template <class Wide>
std::vector<Wide> reduce_wide(Communicator& communicator, const std::vector<Wide>& numbers,
                              ReduceOp op, double scale) {
  TORCH_CHECK(std::is_floating_point_v<Wide> || (op != ReduceOp::kMean && scale == 1.0),
              "reduce: the mean of integers, or their product with a scale, is not an integer; "
              "convert them to double first");
  std::vector<Wide> result;
  std::ostringstream sizes;
  bool alike = true;
  const std::vector<std::string> all = communicator.all_gather_bytes(bytes_of(numbers));
  for (size_t rank = 0; rank < all.size(); ++rank) {
    std::vector<Wide> of_rank;
    append_numbers(all[rank], of_rank);
    sizes << (rank > 0 ? ", " : "") << "rank " << rank << " has " << of_rank.size();
    if (rank == 0) {
      result = std::move(of_rank);
      continue;
    }
    alike = alike && of_rank.size() == result.size();
    for (size_t i = 0; alike && i < result.size(); ++i)
      result[i] = combined(result[i], of_rank[i], op);
  }
  TORCH_CHECK(alike, "reduce: the ranks have different numbers of values (", sizes.str(),
              "); give every rank the same number of values, or gather() them");
  if constexpr (std::is_floating_point_v<Wide>) {
    const double divisor = op == ReduceOp::kMean ? communicator.size() : 1;
    for (Wide& number : result) number = number / divisor * scale;
  }
  return result;
}

template std::vector<double> reduce_wide(Communicator&, const std::vector<double>&, ReduceOp,
                                         double);
template std::vector<int64_t> reduce_wide(Communicator&, const std::vector<int64_t>&, ReduceOp,
                                          double);
template std::vector<uint64_t> reduce_wide(Communicator&, const std::vector<uint64_t>&, ReduceOp,
                                           double);

}  // namespace internal
}  // namespace accelerate
