#include "launcher/flight_record/process_state.h"

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace accelerate::launcher {
namespace {

// "TracerPid:"; 0 where there is none.
pid_t process_in_status(pid_t pid, absl::string_view name) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  pid_t process = 0;
  for (std::string line; std::getline(file, line);) {
    absl::string_view value = line;
    if (absl::ConsumePrefix(&value, name)) (void)absl::SimpleAtoi(value, &process);
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

}  // namespace accelerate::launcher
