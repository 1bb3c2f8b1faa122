#include "launcher/request/flag_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/env/integer.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/open_number.h"
#include "launcher/env/truth_value.h"
#include "launcher/names/flag_words.h"
#include "launcher/names/nearest_name.h"
#include "launcher/request/own_flags.h"
#include "launcher/request/python_flags.h"

namespace accelerate::launcher {
namespace {

std::vector<LaunchFlag> all_flags() {
  std::vector<LaunchFlag> flags = own_flags();
  for (LaunchFlag& flag : python_flags()) flags.push_back(std::move(flag));
  return flags;
}

absl::Status invalid(const LaunchFlag& flag, const std::string& value, const std::string& remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.name, "=", value, " is not valid; ", remedy));
}

absl::Status check_choice(const LaunchFlag& flag, const std::string& value) {
  const std::string list = flag.value_name.substr(1, flag.value_name.size() - 2);
  const std::vector<std::string> choices = absl::StrSplit(list, ',');
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
  return invalid(flag, value, suggestion(value, choices));
}

// By the rule that the name of the value is.
absl::Status check_value(const LaunchFlag& flag, const std::string& value) {
  double number = 0;
  std::int64_t whole = 0;  // As in Python: parameters are counted in thousands of millions.
  if (absl::StartsWith(flag.value_name, "{")) return check_choice(flag, value);
  if (flag.value_name == "NUMBER" && !absl::SimpleAtod(value, &number)) {
    return invalid(flag, value, "it takes a number such as 0.5.");
  }
  if (flag.value_name == "N" && !absl::SimpleAtoi(value, &whole)) {
    return invalid(flag, value, "it takes a whole number.");
  }
  if (flag.value_name == "BOOL" && !parse_truth_value(flag.name, value).ok()) {
    return invalid(flag, value, "it takes true or false.");
  }
  return absl::OkStatus();
}

absl::Status set_key(const LaunchFlag& flag, const ConfigKey& key, const std::string& value,
                     std::optional<int>& member) {
  const bool is_open = flag.name == "num_processes" && is_open_number(value);
  const absl::StatusOr<int> number = parse_integer(
      value, {.name = absl::StrCat("--", flag.name),
              .minimum = key.minimum,
              .maximum = key.maximum,
              .remedy = is_open ? "leave it out to start one for each GPU, or write the number."
                                : absl::StrCat("write for example --", flag.name, "=", flag.example,
                                               ".")});
  if (number.ok()) member = *number;
  return number.status();
}

// An empty text is typically a variable of a shell that is not set.
absl::Status set_key(const LaunchFlag& flag, const ConfigKey& key, const std::string& value,
                     std::optional<std::string>& member) {
  if (value.empty() && key.use == KeyUse::kLaunch) return lacks_value(flag.name, flag.value_name);
  member = value;
  return absl::OkStatus();
}

absl::Status set_key(const LaunchFlag&, const ConfigKey&, const std::string&,
                     std::optional<bool>& member) {
  member = true;
  return absl::OkStatus();
}

absl::Status set_key(const LaunchFlag& flag, const ConfigKey&, const std::string& value,
                     std::optional<MixedPrecision>& member) {
  member = find_mixed_precision(value);
  return member.has_value() ? absl::OkStatus() : check_choice(flag, value);
}

// Keys of other types have no flag.
template <class Member>
absl::Status set_key(const LaunchFlag& flag, const ConfigKey&, const std::string&, Member&) {
  return absl::InternalError(absl::StrCat("--", flag.name, " cannot be set"));
}

std::string section_value(const LaunchFlag& flag, const std::string& value) {
  if (flag.value_name.empty()) return "true";
  if (flag.value_name != "BOOL") return value;
  return *parse_truth_value(flag.name, value) ? "true" : "false";
}

template <class Member>
bool has_value(const Member& member) {
  return member != Member();
}

// A switch that a config file leaves off says nothing.
bool has_value(const std::optional<bool>& member) { return member.value_or(false); }

bool is_given(const LaunchFlag& flag, const LaunchRequest& request) {
  if (flag.is_given != nullptr) return flag.is_given(request);
  const auto* key = std::get_if<const ConfigKey*>(&flag.target);
  return key != nullptr &&
         std::visit([&](auto member) { return has_value(request.config.*member); }, (*key)->member);
}

}  // namespace

const std::vector<LaunchFlag>& launch_flags() {
  static const std::vector<LaunchFlag> flags = all_flags();
  return flags;
}

const LaunchFlag* find_launch_flag(const std::string& word) {
  static const std::map<std::string, const LaunchFlag*> by_name = [] {
    std::map<std::string, const LaunchFlag*> names;
    for (const LaunchFlag& flag : launch_flags()) {
      names[absl::StrCat("--", flag.name)] = &flag;
      if (flag.letter != 0) names[absl::StrCat("-", std::string(1, flag.letter))] = &flag;
    }
    return names;
  }();
  const bool is_long = absl::StartsWith(word, "--");
  const auto found =
      by_name.find(is_long ? absl::StrCat("--", flag_name(word)) : word.substr(0, word.find('=')));
  return found == by_name.end() ? nullptr : found->second;
}

absl::Status set_launch_flag(const LaunchFlag& flag, const std::string& value,
                             LaunchRequest& request) {
  if (flag.use == FlagUse::kNobody) {
    request.unused_flags.push_back(absl::StrCat("--", flag.name));
    return absl::OkStatus();
  }
  if (const auto* key = std::get_if<const ConfigKey*>(&flag.target)) {
    return std::visit(
        [&](auto member) { return set_key(flag, **key, value, request.config.*member); },
        (*key)->member);
  }
  if (const LaunchFlag::Set* set = std::get_if<LaunchFlag::Set>(&flag.target)) {
    const absl::Status status = (*set)(value, request);
    if (!status.ok()) return status;
  }
  const absl::Status status = check_value(flag, value);
  if (!status.ok()) return status;
  if (const auto* section = std::get_if<ConfigSection LaunchConfig::*>(&flag.target)) {
    (request.config.*(*section))[flag.name] = section_value(flag, value);
  }
  return absl::OkStatus();
}

std::vector<std::string> ignored_flags(Decider decider, const LaunchRequest& request) {
  std::vector<std::string> names;
  for (const LaunchFlag& flag : launch_flags()) {
    const std::vector<Decider>& deciders = flag.ignored_under;
    const bool is_ignored = std::find(deciders.begin(), deciders.end(), decider) != deciders.end();
    if (is_ignored && is_given(flag, request)) names.push_back(absl::StrCat("--", flag.name));
  }
  return names;
}

}  // namespace accelerate::launcher
