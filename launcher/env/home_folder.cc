#include "launcher/env/home_folder.h"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <vector>

namespace accelerate::launcher {
namespace {

std::string home_folder(const EnvironmentLookup& lookup) {
  const std::optional<std::string> home = lookup("HOME");
  if (home.has_value() && !home->empty()) return *home;
  std::vector<char> buffer(1 << 14);
  passwd entry;
  passwd* found = nullptr;
  getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "/" : found->pw_dir;
}

}  // namespace

std::string expand_home(const std::string& path, const EnvironmentLookup& lookup) {
  if (path == "~") return home_folder(lookup);
  if (!path.starts_with("~/")) return path;
  return (std::filesystem::path(home_folder(lookup)) / path.substr(2)).string();
}

}  // namespace accelerate::launcher
