#include "launcher/request/flags.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/names/flag_words.h"
#include "launcher/names/nearest_name.h"
#include "launcher/request/flag_table.h"

namespace accelerate::launcher {
namespace {

// They contradict each other.
constexpr std::array kExclusive = {"cpu",      "multi_gpu",     "tpu",
                                   "use_fsdp", "use_deepspeed", "use_megatron_lm"};

// Reads flags from the front of `words` on.
class FlagReader {
 public:
  explicit FlagReader(const std::vector<std::string>& words) : words_(words) {}

  bool at_end() const { return next_ == words_.size(); }
  const std::string& front() const { return words_[next_]; }
  void skip() { ++next_; }
  std::vector<std::string> rest() const { return {words_.begin() + next_, words_.end()}; }

  // The front is `flag`, which is noted in `request` with its value.
  absl::Status take(const LaunchFlag& flag, LaunchRequest& request) {
    note_exclusive(flag.name);
    const std::string& word = words_[next_++];
    const std::size_t equals = word.find('=');
    if (flag.value_name.empty()) {
      if (equals == std::string::npos) return set_launch_flag(flag, "", request);
      return takes_no_value(word, flag.name);
    }
    if (equals != std::string::npos) return set_launch_flag(flag, word.substr(equals + 1), request);
    if (!at_end() && !absl::StartsWith(front(), "--")) {
      return set_launch_flag(flag, words_[next_++], request);
    }
    return lacks_value(flag.name, flag.value_name);
  }

  absl::Status check_exclusive() const {
    if (exclusive_.size() < 2) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("You can only use one of ",
                                                   absl::StrJoin(exclusive_, ", "),
                                                   " at a time; leave out the others."));
  }

 private:
  void note_exclusive(const std::string& name) {
    if (std::find(kExclusive.begin(), kExclusive.end(), name) == kExclusive.end()) return;
    const std::string quoted = absl::StrCat("`--", name, "`");
    if (std::find(exclusive_.begin(), exclusive_.end(), quoted) != exclusive_.end()) return;
    exclusive_.push_back(quoted);
  }

  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  std::vector<std::string> exclusive_;
};

absl::Status unknown_flag(const std::string& word) {
  std::vector<std::string> names;
  for (const LaunchFlag& flag : launch_flags()) names.push_back(absl::StrCat("--", flag.name));
  const std::optional<std::string> nearest =
      nearest_name_of_many(absl::StrCat("--", flag_name(word)), names);
  return absl::InvalidArgumentError(absl::StrCat(
      word.substr(0, word.find('=')), " is no launch flag; ",
      nearest.has_value() ? absl::StrCat("did you mean ", *nearest, "?")
                          : "--help lists them. The program's own flags follow its name."));
}

// Null where the word belongs to the program.
const LaunchFlag* find_for_program(const std::string& word, const IsProgramFlag& is_program_flag) {
  const LaunchFlag* flag = find_launch_flag(word);
  if (flag == nullptr || flag->use != FlagUse::kLaunch) return nullptr;
  if (!absl::StartsWith(word, "--")) return flag->name == "help" ? flag : nullptr;
  const bool claimed = is_program_flag != nullptr && is_program_flag(flag->name);
  return claimed && flag->name != "help" ? nullptr : flag;
}

}  // namespace

absl::StatusOr<LaunchRequest> parse_launch_flags(const std::vector<std::string>& arguments,
                                                 const IsProgramFlag& is_program_flag) {
  LaunchRequest request;
  std::vector<std::string>& program_arguments = request.program.arguments;
  FlagReader reader(arguments);
  for (; !reader.at_end() && reader.front() != "--";) {
    if (const LaunchFlag* flag = find_for_program(reader.front(), is_program_flag)) {
      const absl::Status status = reader.take(*flag, request);
      if (!status.ok()) return status;
    } else {
      program_arguments.push_back(reader.front());
      reader.skip();
    }
  }
  if (!reader.at_end()) reader.skip();
  for (std::string& word : reader.rest()) program_arguments.push_back(std::move(word));
  const absl::Status status = reader.check_exclusive();
  if (!status.ok()) return status;
  return request;
}

absl::StatusOr<LaunchRequest> parse_launch_command(const std::vector<std::string>& words) {
  LaunchRequest request;
  FlagReader reader(words);
  while (!reader.at_end() && reader.front() != "--" && looks_like_flag(reader.front())) {
    const LaunchFlag* flag = find_launch_flag(reader.front());
    const absl::Status status =
        flag == nullptr ? unknown_flag(reader.front()) : reader.take(*flag, request);
    if (!status.ok()) return status;
    if (request.help) return request;
  }
  if (!reader.at_end() && reader.front() == "--") reader.skip();
  if (!reader.at_end()) {
    request.program.program = reader.front();
    reader.skip();
    request.program.arguments = reader.rest();
  }
  const absl::Status status = reader.check_exclusive();
  if (!status.ok()) return status;
  return request;
}

}  // namespace accelerate::launcher
