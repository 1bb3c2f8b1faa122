#include "launcher/request/flags.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/names/flag_words.h"
#include "launcher/names/nearest_name.h"
#include "launcher/request/flag_table.h"
#include "launcher/request/foreign_flags.h"

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
    std::vector<std::string> contradicting = exclusive_;
    if (is_sharded()) std::erase(contradicting, quoted("cpu"));
    if (contradicting.size() < 2) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("You can only use one of ",
                                                   absl::StrJoin(contradicting, ", "),
                                                   " at a time; leave out the others."));
  }

 private:
  // Programs built here shard on the CPU, too; check_request() (request_checks.h) refuses that for
  // other programs.
  bool is_sharded() const { return has_exclusive("use_fsdp") || has_exclusive("use_deepspeed"); }

  bool has_exclusive(const std::string& name) const {
    return std::find(exclusive_.begin(), exclusive_.end(), quoted(name)) != exclusive_.end();
  }

  static std::string quoted(const std::string& name) { return absl::StrCat("`--", name, "`"); }

  void note_exclusive(const std::string& name) {
    if (std::find(kExclusive.begin(), kExclusive.end(), name) == kExclusive.end()) return;
    if (!has_exclusive(name)) exclusive_.push_back(quoted(name));
  }

  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  std::vector<std::string> exclusive_;
};

// Both count processes: those of all machines, and those of this one.
absl::Status check_counts(const LaunchRequest& request) {
  if (!request.config.num_processes.has_value() || !request.processes_per_machine.has_value()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--num_processes=", *request.config.num_processes,
                   " counts the processes of all machines, and --nproc_per_node=",
                   *request.processes_per_machine, " those of this one; leave out one of them."));
}

absl::Status unknown_flag(const std::string& word) {
  const std::string written = word.substr(0, word.find('='));
  if (const auto hint = foreign_flag_hint(flag_name(word))) {
    return absl::InvalidArgumentError(absl::StrCat(written, " is not a launch flag; ", *hint, "."));
  }
  std::vector<std::string> names;
  for (const LaunchFlag& flag : launch_flags()) names.push_back(absl::StrCat("--", flag.name));
  const std::optional<std::string> nearest =
      nearest_name_of_many(absl::StrCat("--", flag_name(word)), names);
  return absl::InvalidArgumentError(absl::StrCat(
      written, " is not a launch flag; ",
      nearest.has_value() ? absl::StrCat("did you mean ", *nearest, "?")
                          : "--help lists them. The program's own flags follow its name."));
}

// The flag of a program that `name` misses by a letter or two, or begins to write. The shorter a
// name, the likelier another word is like it by chance.
std::optional<std::string> nearly_launch_flag(const std::string& name) {
  std::optional<std::string> nearest;
  int distance = 0;
  for (const LaunchFlag& flag : launch_flags()) {
    if (flag.use != FlagUse::kLaunch) continue;
    const int allowed = flag.name.size() >= 9 ? 2 : flag.name.size() >= 5 ? 1 : 0;
    const bool begins = name.size() >= 8 && absl::StartsWith(flag.name, name);
    const int candidate = begins ? 1 : edit_distance(name, flag.name);
    if (candidate > allowed || (nearest.has_value() && candidate >= distance)) continue;
    nearest = flag.name;
    distance = candidate;
  }
  return nearest;
}

// Whether abseil knows it, which writes `--noname` for a truth value that is false.
bool is_claimed(const std::string& name, const IsProgramFlag& is_program_flag) {
  if (is_program_flag == nullptr) return false;
  return is_program_flag(name) || (absl::StartsWith(name, "no") && is_program_flag(name.substr(2)));
}

// What to do about a flag of `accelerate launch` alone that is typed at a program which launches
// itself.
std::string command_flag_hint(const LaunchFlag& flag) {
  if (flag.name == "gradient_accumulation_steps") {
    return absl::StrCat("start the program with `accelerate launch --", flag.name,
                        "=N`, or set ACCELERATE_GRADIENT_ACCUMULATION_STEPS");
  }
  if (flag.name == "print" || flag.name == "mpirun_hostfile") {
    return absl::StrCat("start the program with `accelerate launch --", flag.name, "=",
                        flag.value_name, "`");
  }
  return "leave it out; it has no effect on a program built here";
}

// Whether the run would be of another kind with it.
bool decides_kind(const LaunchFlag& flag) {
  return flag.use == FlagUse::kPython &&
         (absl::StartsWith(flag.name, "use_") || flag.name == "tpu");
}

// Words that any program may have for something of its own.
bool is_common_word(const std::string& name) {
  return name == "debug" || name == "module" || name == "env" || name == "vm";
}

// A flag of `accelerate launch` alone, or of another launcher.
std::optional<std::string> other_flag_hint(const LaunchFlag* flag, const std::string& name) {
  return flag == nullptr ? foreign_flag_hint(name) : command_flag_hint(*flag);
}

// A word before `--` that goes to the program. One that is nearly a launch flag and none of the
// program's would leave the launch as it is by default, without a word.
absl::Status check_for_program(const std::string& word, const IsProgramFlag& is_program_flag,
                               LaunchRequest& request) {
  constexpr std::size_t kLongestName = 50;
  const std::string name = flag_name(word);
  if (!absl::StartsWith(word, "--") || name.size() > kLongestName) return absl::OkStatus();
  if (is_claimed(name, is_program_flag)) return absl::OkStatus();
  const std::string written = word.substr(0, word.find('='));
  const LaunchFlag* flag = find_launch_flag(word);
  if (flag != nullptr && decides_kind(*flag)) {
    return absl::InvalidArgumentError(absl::StrCat(
        written, " is for Python programs only; leave it out",
        is_program_flag == nullptr ? ", or write it after `--` if it is a flag of the program."
                                   : "."));
  }
  const std::optional<std::string> hint = other_flag_hint(flag, name);
  if (hint.has_value() && is_program_flag == nullptr) {
    if (is_common_word(name)) return absl::OkStatus();
    request.remarks.push_back(
        absl::StrCat(written, " is passed to the program, not to the launcher; for the launcher, ",
                     *hint, ". To hide this remark, write the flag after `--`."));
    return absl::OkStatus();
  }
  if (hint.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        written, " is neither a flag of this program nor a launch flag; ", *hint, "."));
  }
  const std::optional<std::string> nearest = nearly_launch_flag(name);
  if (!nearest.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(written, " is not a launch flag; did you mean --", *nearest,
                   "? If it is a flag of the program, write it after `--`."));
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
      const absl::Status status = check_for_program(reader.front(), is_program_flag, request);
      if (!status.ok()) return status;
      program_arguments.push_back(reader.front());
      reader.skip();
    }
  }
  if (!reader.at_end()) reader.skip();
  for (std::string& word : reader.rest()) program_arguments.push_back(std::move(word));
  absl::Status status = reader.check_exclusive();
  if (status.ok()) status = check_counts(request);
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
  absl::Status status = reader.check_exclusive();
  if (status.ok()) status = check_counts(request);
  if (!status.ok()) return status;
  return request;
}

}  // namespace accelerate::launcher
