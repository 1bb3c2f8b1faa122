#include "launcher/flight_record/process_state.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace accelerate::launcher {
namespace {

// The last one of the line that begins so, as "TracerPid:"; 0 where there is none.
pid_t process_in_status(pid_t pid, absl::string_view name) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  pid_t process = 0;
  for (std::string line; std::getline(file, line);) {
    absl::string_view value = line;
    if (!absl::ConsumePrefix(&value, name)) continue;
    const std::size_t last = value.find_last_of(" \t");
    if (last != absl::string_view::npos) (void)absl::SimpleAtoi(value.substr(last + 1), &process);
  }
  return process;
}

}  // namespace

char process_state(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // "4711 (name) S 1 ...", where the name may have anything in it.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return 0;
  const char state = text[name_end + 2];
  return state == 'Z' || state == 'X' ? 0 : state;
}

pid_t parent_of(pid_t pid) { return process_in_status(pid, "PPid:"); }

pid_t debugger_of(pid_t pid) { return process_in_status(pid, "TracerPid:"); }

// Those of all namespaces that it is in, the innermost last.
pid_t own_number_of(pid_t pid) { return process_in_status(pid, "NSpid:"); }

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(entry->path().filename().native(), &pid)) pids.push_back(pid);
  }
  return pids;
}

}  // namespace accelerate::launcher
