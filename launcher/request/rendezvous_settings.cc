#include "launcher/request/rendezvous_settings.h"

#include <algorithm>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/integer.h"
#include "launcher/names/nearest_name.h"

namespace accelerate::launcher {
namespace {

// The largest that the kernel takes for TCP_KEEPIDLE and TCP_KEEPCNT.
constexpr int kLongestInterval = 32767;
constexpr int kMostAttempts = 127;
constexpr int kLongestTimeout = 30 * 24 * 3600;  // A month.

// What torchrun's backends read besides, and what people write who mean flags of torchrun's: there,
// too, the flags count.
const std::vector<std::string>& ignored_names() {
  static const std::vector<std::string> names = {
      "close_timeout", "heartbeat_timeout", "is_host", "last_call_timeout", "rank",
      "rdzv_backend",  "rdzv_endpoint",     "rdzv_id", "read_timeout",      "store_type"};
  return names;
}

using Set = void (*)(int value, RendezvousSettings& settings);

struct Rule {
  int maximum;
  Set set;
};

const std::map<std::string, Rule>& rules() {
  const Set set_join = [](int value, RendezvousSettings& settings) {
    settings.join_timeout = std::chrono::seconds(value);
  };
  static const std::map<std::string, Rule> rules = {
      {"join_timeout", {kLongestTimeout, set_join}},
      {"timeout", {kLongestTimeout, set_join}},
      {"keep_alive_interval",
       {kLongestInterval,
        [](int value, RendezvousSettings& settings) {
          settings.keep_alive_interval = std::chrono::seconds(value);
        }}},
      {"keep_alive_max_attempt",
       {kMostAttempts,
        [](int value, RendezvousSettings& settings) { settings.keep_alive_max_attempt = value; }}},
  };
  return rules;
}

absl::Status unknown_name(const std::string& name) {
  std::vector<std::string> names = ignored_names();
  for (const auto& [known, rule] : rules()) names.push_back(known);
  return absl::InvalidArgumentError(
      absl::StrCat("--rdzv_conf has no setting `", name, "`; ", suggestion(name, names)));
}

}  // namespace

absl::StatusOr<RendezvousReading> parse_rendezvous_settings(const std::string& text) {
  RendezvousReading reading;
  if (absl::StripAsciiWhitespace(text).empty()) return reading;
  for (const auto& part : absl::StrSplit(text, ',')) {
    const std::vector<std::string> words = absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::string name(absl::StripAsciiWhitespace(words[0]));
    if (words.size() < 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("--rdzv_conf=", text, " has no value for `", name,
                       "`; write NAME=VALUE,NAME=VALUE, such as join_timeout=600."));
    }
    const auto& ignored = ignored_names();
    if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) {
      reading.ignored.push_back(name);
      continue;
    }
    const auto rule = rules().find(name);
    if (rule == rules().end()) return unknown_name(name);
    const absl::StatusOr<int> value =
        parse_integer(std::string(absl::StripAsciiWhitespace(words[1])),
                      {.name = absl::StrCat("--rdzv_conf ", name),
                       .minimum = 1,
                       .maximum = rule->second.maximum,
                       .remedy = "write a whole number, of seconds where it is a time."});
    if (!value.ok()) return value.status();
    rule->second.set(*value, reading.settings);
  }
  return reading;
}

}  // namespace accelerate::launcher
