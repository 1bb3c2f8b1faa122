// Whether a process that failed says that it did so for want of another one.
//
// Example:
//   const std::optional<LostPeer> lost = find_lost_peer(relay.tail(rank));
//   if (lost.has_value()) blame(lost->rank);  // Not this one; whom, where it is said.
//
// Not for finding out what went wrong: it knows nothing else of what processes write.
#pragma once

#include <optional>
#include <string_view>

namespace accelerate::launcher {

struct LostPeer {
  std::optional<int> rank = std::nullopt;  // Among all of the job, where that is said.

  bool operator==(const LostPeer&) const = default;
};

// Looks through the end of what a process wrote to standard error for what this library, Gloo,
// NCCL and LibTorch's store say when a peer has gone: "rank 3 (pid 4711) has died".
std::optional<LostPeer> find_lost_peer(std::string_view last_errors);

}  // namespace accelerate::launcher
