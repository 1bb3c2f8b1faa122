#include "launcher/supervisor/testing/processes.h"

#include <fstream>
#include <iterator>
#include <string>

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
  return letter.empty() ? 0 : letter[0];
}

}  // namespace accelerate::launcher
