#include "launcher/rendezvous/message.h"

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "launcher/env/size_limits.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

constexpr std::string_view kMagic = "ACRZ";
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kNumberSize = 4;
constexpr std::size_t kHeaderSize = 4 * kNumberSize;
constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kMostTerms = 16;

void append_number(std::uint32_t number, std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
}

std::uint32_t number_at(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kNumberSize; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

// Writes members one after the other.
struct Writer {
  std::string bytes;

  void operator()(const int& number) { append_number(static_cast<std::uint32_t>(number), bytes); }
  void operator()(const bool& flag) { append_number(flag ? 1 : 0, bytes); }
  void operator()(const EndKind& kind) { operator()(static_cast<int>(kind)); }
  void operator()(const std::string& text) {
    const std::string_view kept = std::string_view(text).substr(0, kLongestText);
    append_number(static_cast<std::uint32_t>(kept.size()), bytes);
    bytes.append(kept);
  }
  void operator()(const std::optional<int>& number) {
    operator()(number.has_value());
    operator()(number.value_or(0));
  }
  void operator()(const std::vector<Term>& terms) {
    append_number(static_cast<std::uint32_t>(terms.size()), bytes);
    for (const Term& term : terms) {
      operator()(term.name);
      operator()(term.value);
    }
  }
};

// Reads them back. What is missing or out of bounds is noted, and reads as nothing.
struct Reader {
  std::string_view bytes;
  bool is_valid = true;

  std::string_view take(std::size_t size) {
    is_valid = is_valid && size <= bytes.size();
    if (!is_valid) return {};
    const std::string_view taken = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return taken;
  }
  std::uint32_t take_number(std::uint32_t maximum) {
    const std::string_view taken = take(kNumberSize);
    const std::uint32_t number = taken.empty() ? 0 : number_at(taken);
    is_valid = is_valid && number <= maximum;
    return is_valid ? number : 0;
  }

  void operator()(int& number) { number = static_cast<int>(take_number(INT32_MAX)); }
  void operator()(bool& flag) { flag = take_number(1) != 0; }
  void operator()(EndKind& kind) {
    kind = static_cast<EndKind>(take_number(static_cast<int>(EndKind::kNotStarted)));
  }
  void operator()(std::string& text) { text = plain(std::string(take(take_number(kLongestText)))); }
  void operator()(std::optional<int>& number) {
    bool has_value = false;
    int value = 0;
    operator()(has_value);
    operator()(value);
    if (has_value) number = value;
  }
  void operator()(std::vector<Term>& terms) {
    terms.resize(take_number(kMostTerms));
    for (Term& term : terms) {
      operator()(term.name);
      operator()(term.value);
    }
  }
};

// The one list of each message's members, for both directions.
template <class Archive>
struct Members {
  Archive& archive;

  template <class... Values>
  void each(Values&... values) {
    (archive(values), ...);
  }

  void operator()(auto& message) {
    using Type = std::remove_cvref_t<decltype(message)>;
    auto& m = message;
    if constexpr (std::is_same_v<Type, Hello>) {
      each(m.job_id, m.machine_rank, m.num_processes, m.terms);
    }
    if constexpr (std::is_same_v<Type, Ready>) each(m.attempt, m.store_port, m.store_secret);
    if constexpr (std::is_same_v<Type, MachineEnd>) {
      each(m.kind, m.attempt, m.rank, m.by_signal, m.code, m.text);
    }
    if constexpr (std::is_same_v<Type, Welcome>) each(m.machine_rank);
    if constexpr (std::is_same_v<Type, Refusal>) each(m.reason);
    if constexpr (std::is_same_v<Type, Start>) {
      each(m.attempt, m.store_port, m.store_secret, m.first_rank, m.world_size);
    }
    if constexpr (std::is_same_v<Type, Stop>) {
      each(m.machine, m.cause, m.is_worker_end, m.exit_code, m.is_restarted);
    }
  }
};

// A message of the kind with this number among the alternatives.
template <std::size_t kind = 0>
Message empty_message(std::size_t wanted) {
  if constexpr (kind + 1 < std::variant_size_v<Message>) {
    if (wanted != kind) return empty_message<kind + 1>(wanted);
  }
  return Message(std::in_place_index<kind>);
}

constexpr int kLargestSignal = 64;
constexpr int kLargestExitCode = 255;

bool is_between(int number, int least, int most) { return least <= number && number <= most; }

// Nobody has failed with 0, nor been told to stop by no signal: a launcher would end with 0.
bool is_possible_end(const MachineEnd& end) {
  const bool is_signal =
      end.kind == EndKind::kSignal || (end.kind == EndKind::kFailedRank && end.by_signal);
  if (is_signal) return is_between(end.code, 1, kLargestSignal);
  return end.kind != EndKind::kFailedRank || is_between(end.code, 1, kLargestExitCode);
}

// Whether numbers that somebody goes on to calculate with, or hands to the kernel, can be what they
// are meant to be. None is negative.
bool is_possible(const Message& message) {
  constexpr int kLargestPort = 65535;
  if (const auto* end = std::get_if<MachineEnd>(&message)) return is_possible_end(*end);
  if (const auto* stop = std::get_if<Stop>(&message)) {
    return is_between(stop->exit_code, 1, kLargestExitCode);
  }
  if (const auto* ready = std::get_if<Ready>(&message)) return ready->store_port <= kLargestPort;
  if (const auto* hello = std::get_if<Hello>(&message)) {
    return is_between(hello->num_processes, 1, kMostProcesses);
  }
  if (const auto* start = std::get_if<Start>(&message)) {
    return start->store_port <= kLargestPort && start->world_size <= kMostProcesses &&
           start->first_rank < start->world_size;
  }
  return true;
}

}  // namespace

std::string encode(const Message& message) {
  Writer content;
  std::visit(Members<Writer>{content}, message);
  std::string frame(kMagic);
  append_number(kVersion, frame);
  append_number(static_cast<std::uint32_t>(message.index()), frame);
  append_number(static_cast<std::uint32_t>(content.bytes.size()), frame);
  return frame + content.bytes;
}

absl::StatusOr<std::optional<Message>> take_message(std::string& bytes) {
  const std::string_view begin = std::string_view(bytes).substr(0, kMagic.size());
  if (begin != kMagic.substr(0, begin.size())) {
    return absl::InvalidArgumentError("the received data is not a message of a launcher");
  }
  if (bytes.size() < kHeaderSize) return std::nullopt;
  const std::string_view header = bytes;
  const std::uint32_t version = number_at(header.substr(kNumberSize));
  const std::uint32_t kind = number_at(header.substr(2 * kNumberSize));
  const std::uint32_t size = number_at(header.substr(3 * kNumberSize));
  if (version != kVersion) {
    return absl::FailedPreconditionError(
        "the message is of another version of the launcher; install the same on all machines");
  }
  if (kind >= std::variant_size_v<Message> || size > kLargestMessage) {
    return absl::InvalidArgumentError("the message has an unknown kind, or is too long");
  }
  if (bytes.size() < kHeaderSize + size) return std::nullopt;
  Message message = empty_message(kind);
  Reader content = {header.substr(kHeaderSize, size)};
  std::visit(Members<Reader>{content}, message);
  if (!content.is_valid || !content.bytes.empty()) {
    return absl::InvalidArgumentError("the message does not have the members of its kind");
  }
  if (!is_possible(message)) {
    return absl::InvalidArgumentError("the message has impossible numbers");
  }
  bytes.erase(0, kHeaderSize + size);
  return message;
}

}  // namespace accelerate::launcher
