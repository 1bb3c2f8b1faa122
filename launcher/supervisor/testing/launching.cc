#include "launcher/supervisor/testing/launching.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace accelerate::launcher {

SubprocessOptions launched(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), std::getenv("LAUNCHING_PROGRAM"));
  return {.arguments = arguments};
}

SubprocessOptions shells(std::vector<std::string> flags, const std::string& script) {
  flags.insert(flags.end(), {"sh", "-c", script});
  return launched(flags);
}

std::string temporary_file(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::string temporary_program(const std::string& name, const std::string& text) {
  const std::string path = temporary_file(name, text);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace accelerate::launcher
