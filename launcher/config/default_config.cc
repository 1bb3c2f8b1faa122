#include "launcher/config/default_config.h"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> lookup_folder(const EnvironmentLookup& lookup, const std::string& name) {
  std::optional<std::string> value = lookup(name);
  if (value.has_value() && value->empty()) return std::nullopt;
  return value;
}

std::string home_folder(const EnvironmentLookup& lookup) {
  if (const auto home = lookup_folder(lookup, "HOME")) return *home;
  std::vector<char> buffer(1 << 14);
  passwd entry;
  passwd* found = nullptr;
  getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "/" : found->pw_dir;
}

// Only one's own ~: no variable names the home of somebody else.
fs::path expand_home(const std::string& path, const EnvironmentLookup& lookup) {
  if (path == "~") return home_folder(lookup);
  if (absl::StartsWith(path, "~/")) return fs::path(home_folder(lookup)) / path.substr(2);
  return path;
}

fs::path config_folder(const EnvironmentLookup& lookup) {
  if (const auto home = lookup_folder(lookup, "HF_HOME")) {
    return expand_home(*home, lookup) / "accelerate";
  }
  const std::string cache = lookup_folder(lookup, "XDG_CACHE_HOME").value_or("~/.cache");
  return expand_home(cache, lookup) / "huggingface" / "accelerate";
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

}  // namespace

std::string default_config_path(const EnvironmentLookup& lookup) {
  return (config_folder(lookup) / "default_config.yaml").string();
}

std::optional<std::string> find_default_config(const EnvironmentLookup& lookup) {
  for (const std::string name : {"default_config.yaml", "default_config.json"}) {
    const fs::path path = config_folder(lookup) / name;
    if (is_file(path)) return path.string();
  }
  return std::nullopt;
}

}  // namespace accelerate::launcher
