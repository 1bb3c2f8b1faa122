#include "launcher/supervisor/last_words.h"

#include <charconv>
#include <system_error>

namespace accelerate::launcher {
namespace {

constexpr std::string_view kDigits = "0123456789";

// The rank in "rank 3" or "rank 3 (pid 4711)" at the end of `text`.
std::optional<int> rank_at_end(std::string_view text) {
  constexpr std::string_view kRank = "rank ";
  const std::size_t at = text.rfind(kRank);
  if (at == text.npos) return std::nullopt;
  std::string_view number = text.substr(at + kRank.size());
  const std::size_t end = number.find_first_not_of(kDigits);
  const std::string_view behind = end == number.npos ? "" : number.substr(end);
  const bool is_named = behind.empty() || (behind.starts_with(" (pid ") && behind.ends_with(')'));
  number = number.substr(0, end);
  int rank = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), rank);
  if (!is_named || result.ec != std::errc()) return std::nullopt;
  return rank;
}

}  // namespace

std::optional<LostPeer> find_lost_peer(std::string_view last_errors) {
  const std::size_t at = last_errors.rfind(" has died");
  if (at != last_errors.npos) {
    if (const auto rank = rank_at_end(last_errors.substr(0, at))) return LostPeer{.rank = rank};
  }
  for (const std::string_view words :
       {"Connection closed by peer", "Connection reset by peer", "failed to recv, got 0 bytes",
        "remote process exited or there was a network error"}) {
    if (last_errors.find(words) != last_errors.npos) return LostPeer();
  }
  return std::nullopt;
}

}  // namespace accelerate::launcher
