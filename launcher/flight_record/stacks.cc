#include "launcher/flight_record/stacks.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "launcher/flight_record/process_state.h"
#include "launcher/posix/command_output.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

constexpr std::size_t kMostText = 16 << 20;

// In a tenth of a second or so, where gdb takes several for the symbols of LibTorch. With modules
// and lines.
std::vector<std::string> eu_stack_command(pid_t pid) {
  return {"eu-stack", "-m", "-s", "-n", "64", "-p", absl::StrCat(pid)};
}

// Without what the user has set up for gdb himself.
std::vector<std::string> gdb_command(pid_t pid) {
  std::vector<std::string> words = {"gdb", "-p", absl::StrCat(pid), "-batch", "-nx"};
  for (const char* early : {"set auto-load off", "set debuginfod enabled off"})
    words.insert(words.end(), {"-iex", early});
  for (const char* command : {"set print frame-arguments none", "thread apply all backtrace 64"})
    words.insert(words.end(), {"-ex", command});
  return words;
}

std::string is_debugged_by(pid_t debugger) {
  return absl::StrCat("They are not read: process ", debugger, " debugs it already.");
}

bool may_only_ancestors_look() {
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  return file >> scope && scope > 0;
}

template <class Starts>
bool starts_with_any(absl::string_view text, const Starts& starts) {
  return std::any_of(std::begin(starts), std::end(starts),
                     [text](const char* start) { return absl::StartsWith(text, start); });
}

absl::string_view base_name(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// ---- Frames

struct Frame {
  absl::string_view function = {};
  absl::string_view source = {};  // "main.cc:88", with its path.
  absl::string_view module = {};  // Empty for the program itself, where gdb tells.
};

// What is no code of the program: the C library, LibTorch, headers of the system.
bool is_of_others(const Frame& frame) {
  constexpr const char* kSources[] = {"../", "./", "/usr/include/", "/usr/lib/", "/build/"};
  constexpr const char* kFolders[] = {"/usr/lib", "/lib", "["};
  constexpr const char* kLibraries[] = {"libtorch", "libc10",  "libgomp", "libiomp",
                                        "libcu",    "libnccl", "libmkl"};
  return starts_with_any(frame.source, kSources) || absl::StrContains(frame.source, "/sysdeps/") ||
         starts_with_any(frame.module, kFolders) ||
         starts_with_any(base_name(frame.module), kLibraries);
}

// Without the list in parentheses that it ends with, if it does.
absl::string_view without_list(absl::string_view text) {
  absl::ConsumeSuffix(&text, " const");
  if (!absl::EndsWith(text, ")")) return text;
  int depth = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(' && --depth == 0)
      return absl::StripTrailingAsciiWhitespace(text.substr(0, i));
  }
  return text;
}

// Takes the number and the address off the line of a frame; false where it is none.
bool consume_frame_start(absl::string_view& line) {
  if (!absl::ConsumePrefix(&line, "#")) return false;
  line = absl::StripLeadingAsciiWhitespace(
      line.substr(std::min<std::size_t>(line.find(' '), line.size())));
  if (absl::StartsWith(line, "0x"))
    line = line.substr(std::min<std::size_t>(line.find(' '), line.size()));
  return true;
}

// "#1  0x000055d0 in train_step (n=...) at main.cc:88", or "... from /lib/libc.so.6".
std::optional<Frame> gdb_frame(absl::string_view line) {
  if (!consume_frame_start(line)) return std::nullopt;
  absl::ConsumePrefix(&line, " in ");
  Frame frame;
  if (const std::size_t from = line.rfind(") from "); from != absl::string_view::npos) {
    frame.module = "[of another]";
    line = line.substr(0, from + 1);
  }
  if (const std::size_t at = line.rfind(") at "); at != absl::string_view::npos) {
    frame.source = line.substr(at + 5);
    line = line.substr(0, at + 1);
  }
  // The arguments, and then the parameters, where the program has no better names.
  frame.function = without_list(without_list(line));
  return frame;
}

// "#1  0x000055d0 train_step(int) - /home/me/model", and in the next line "    main.cc:88:3".
std::optional<Frame> eu_frame(absl::string_view line, absl::string_view next) {
  if (!consume_frame_start(line)) return std::nullopt;
  Frame frame;
  const std::size_t dash = line.find(" - ");
  if (dash != absl::string_view::npos) {
    frame.module = line.substr(dash + 3);
    line = line.substr(0, dash);
  }
  if (absl::ConsumePrefix(&next, "    ")) frame.source = next.substr(0, next.rfind(':'));
  frame.function = without_list(absl::StripLeadingAsciiWhitespace(line));
  return frame;
}

std::string place_of(const Frame& frame) {
  const absl::string_view file = base_name(frame.source);
  return absl::StrCat("`", plain(std::string(frame.function)), "`",
                      file.empty() ? "" : absl::StrCat(" (", plain(std::string(file)), ")"));
}

}  // namespace

std::string innermost_place(absl::string_view stacks) {
  const std::vector<absl::string_view> lines = absl::StrSplit(stacks, '\n');
  // gdb begins with the last thread, and eu-stack with the first.
  const bool is_gdb = !absl::StartsWith(stacks, "PID ");
  bool is_first_thread = false;
  int num_threads = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_gdb && absl::StartsWith(lines[i], "Thread "))
      is_first_thread = absl::StartsWith(lines[i], "Thread 1 ");
    if (!is_gdb && absl::StartsWith(lines[i], "TID ")) is_first_thread = ++num_threads == 1;
    if (!is_first_thread) continue;
    const absl::string_view next = i + 1 < lines.size() ? lines[i + 1] : absl::string_view();
    const std::optional<Frame> frame = is_gdb ? gdb_frame(lines[i]) : eu_frame(lines[i], next);
    if (!frame.has_value() || frame->function.empty() || frame->function == "??") continue;
    if (!is_of_others(*frame)) return place_of(*frame);
  }
  return "";
}

Stacks read_stacks(pid_t pid, std::chrono::milliseconds limit) {
  const auto none = [](const std::string& reason) { return Stacks{.text = reason + "\n"}; };
  const char state = process_state(pid);
  if (state == 0) return none("There are none: the process has ended.");
  if (state == 'T') {
    return none(
        "They are not read: the process is stopped, and a debugger would let it continue (so does "
        "kill -CONT).");
  }
  if (const pid_t debugger = debugger_of(pid); debugger != 0) return none(is_debugged_by(debugger));
  // Otherwise eu-stack would look for symbols in the network.
  unsetenv("DEBUGINFOD_URLS");
  // A debugger that is ended on its way may leave the process stopped, or about to be: in a system
  // call that nothing interrupts it stops only later.
  const auto let_go_on = [pid] { kill(pid, SIGCONT); };
  // A part of the stacks is better than none.
  const CommandOutputOptions options = {.time_limit = limit,
                                        .size_limit = kMostText,
                                        .accepts_failure = true,
                                        .on_failure = let_go_on};
  std::string reason = "there is neither eu-stack (elfutils) nor gdb; install one of them";
  for (const auto& command : {eu_stack_command(pid), gdb_command(pid)}) {
    const absl::StatusOr<std::string> text = command_output(command, options);
    if (text.ok() && absl::StrContains(*text, "#0"))
      return {.text = plain_lines(*text), .place = innermost_place(*text)};
    if (absl::IsNotFound(text.status())) continue;
    // Two that come at once find nobody at first.
    if (const pid_t debugger = debugger_of(pid); debugger != 0)
      return none(is_debugged_by(debugger));
    reason = text.ok() ? absl::StrCat(command[0], " may not look, or finds none")
                       : std::string(text.status().message());
    if (may_only_ancestors_look()) {
      absl::StrAppend(&reason,
                      "; the system lets only some processes look (kernel.yama.ptrace_scope): send "
                      "SIGQUIT to the launcher, or ask as root");
    }
  }
  return none(absl::StrCat("They could not be read: ", reason, "."));
}

}  // namespace accelerate::launcher
