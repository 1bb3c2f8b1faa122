#include "launcher/supervisor/testing/processes.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace accelerate::launcher {

std::vector<pid_t> children(pid_t parent) {
  const std::string path = "/proc/" + std::to_string(parent);
  std::ifstream file(path + "/task/" + std::to_string(parent) + "/children");
  return {std::istream_iterator<pid_t>(file), {}};
}

char state(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string skipped;
  std::string letter;
  stat >> skipped >> skipped >> letter;
  if (letter != "Z") return letter.empty() ? 0 : letter[0];
  // Its first thread has ended, and its parent can wait for it once the others have, too.
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(pid) + "/task", error);
  return std::distance(begin(tasks), end(tasks)) > 1 ? 'R' : 'Z';
}

}  // namespace accelerate::launcher
