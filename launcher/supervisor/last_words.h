// Whether a process that failed says that it failed because it lost a peer.
//
// Example:
//   const std::optional<LostPeer> lost = find_lost_peer(relay.tail(rank));
//   if (lost.has_value()) blame(lost->rank);  // Not this one; whom, where it is said.
//
// Does not find out what went wrong: it recognises nothing else.
#pragma once

#include <optional>
#include <string_view>

namespace accelerate::launcher {

struct LostPeer {
  std::optional<int> rank = std::nullopt;  // Among all of the job, if the message says which.

  bool operator==(const LostPeer&) const = default;
};

// Searches the end of standard error of a process for the messages that this library, Gloo, NCCL
// and LibTorch's store write when a peer is lost: "rank 3 (pid 4711) has died".
std::optional<LostPeer> find_lost_peer(std::string_view last_errors);

}  // namespace accelerate::launcher
