// The messages between the machines of a job, and their format on the wire.
//
// Example:
//   std::string bytes = encode(Start{.attempt = 0, .store_port = 40000});
//   absl::StatusOr<std::optional<Message>> message = take_message(bytes);  // A Start.
//
// A frame is the four bytes "ACRZ", the version, the kind and the size of what follows, each a
// 32-bit number with the most significant byte first. Sizes are bounded, and nothing from the
// network is trusted.
//
// Not secret: anyone who can listen to the network can read the job's id.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// Something that must be the same on all machines: "--mixed_precision", "bf16".
struct Term {
  std::string name = "";
  std::string value = "";

  bool operator==(const Term&) const = default;
};

// ---- From a machine to the coordinator.

// The first message of a connection.
struct Hello {
  std::string job_id = "";
  std::optional<int> machine_rank = std::nullopt;  // No value: any free one.
  int num_processes = 1;                           // On this machine.
  std::vector<Term> terms = {};

  bool operator==(const Hello&) const = default;
};

// No process of an attempt runs on this machine, and it is ready for the next one.
struct Ready {
  int attempt = 0;
  int store_port = 0;             // From machine 0: where the rendezvous store will listen.
  std::string store_secret = "";  // The workers sign with it what they write there.

  bool operator==(const Ready&) const = default;
};

enum class EndKind { kWell, kFailedRank, kSignal, kNotStarted };

// The processes of this machine have ended or are being stopped, for a reason on this machine.
struct MachineEnd {
  EndKind kind = EndKind::kWell;
  int attempt = 0;
  int rank = 0;            // The rank that failed, among all.
  bool by_signal = false;  // Whether a signal killed the rank.
  // The rank's exit code or signal; or else the signal that the launcher received, or the code with
  // which it ends because nothing could be started.
  int code = 0;
  std::string text = "";  // Why nothing could be started.

  bool operator==(const MachineEnd&) const = default;
};

// ---- From the coordinator to a machine.

struct Welcome {
  int machine_rank = 0;

  bool operator==(const Welcome&) const = default;
};

// The last message to a machine that the coordinator rejects.
struct Refusal {
  std::string reason = "";

  bool operator==(const Refusal&) const = default;
};

// All machines are ready: go.
struct Start {
  int attempt = 0;
  int store_port = 0;
  std::string store_secret = "";
  int first_rank = 0;  // Of the receiving machine; its other ranks follow.
  int world_size = 1;

  bool operator==(const Start&) const = default;
};

// All machines must stop their processes.
struct Stop {
  std::optional<int> machine = std::nullopt;  // The machine that caused it, if any.
  std::string cause = "";      // A clause: "rank 3 on machine 1 (10.0.0.2) exited with code 3".
  bool is_worker_end = false;  // `cause` says how a worker ended.
  int exit_code = 1;           // Of the launchers, if no attempt follows.
  bool is_restarted = false;   // The next attempt follows.

  bool operator==(const Stop&) const = default;
};

// All processes of all machines have ended well.
struct Finish {
  bool operator==(const Finish&) const = default;
};

using Message = std::variant<Hello, Ready, MachineEnd, Welcome, Refusal, Start, Stop, Finish>;

// The limit on the content of a frame, in bytes.
inline constexpr std::size_t kLargestMessage = 16 * 1024;

// A whole frame. Texts longer than 4 KiB are cut.
std::string encode(const Message& message);

// Removes the first message from `bytes`; no value if it is incomplete. FailedPrecondition if
// another version of the launcher sent it, InvalidArgument if it is not a valid frame; then nothing
// that follows can be read either. Texts have no control characters: a peer cannot write control
// sequences to this terminal. Thread-safe.
absl::StatusOr<std::optional<Message>> take_message(std::string& bytes);

}  // namespace accelerate::launcher
