#include "launcher/config/default_config.h"

#include <filesystem>
#include <system_error>

#include "launcher/env/home_folder.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> lookup_folder(const EnvironmentLookup& lookup, const std::string& name) {
  std::optional<std::string> value = lookup(name);
  if (value.has_value() && value->empty()) return std::nullopt;
  return value;
}

fs::path config_folder(const EnvironmentLookup& lookup) {
  if (const auto home = lookup_folder(lookup, "HF_HOME")) {
    return fs::path(expand_home(*home, lookup)) / "accelerate";
  }
  const std::string cache = lookup_folder(lookup, "XDG_CACHE_HOME").value_or("~/.cache");
  return fs::path(expand_home(cache, lookup)) / "huggingface" / "accelerate";
}

// Also where a folder keeps it from being told: whoever reads the file then says why.
bool may_be_file(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  return type == fs::file_type::regular || type == fs::file_type::none;
}

}  // namespace

std::string default_config_path(const EnvironmentLookup& lookup) {
  return (config_folder(lookup) / "default_config.yaml").string();
}

std::optional<std::string> find_default_config(const EnvironmentLookup& lookup) {
  for (const std::string name : {"default_config.yaml", "default_config.json"}) {
    const fs::path path = config_folder(lookup) / name;
    if (may_be_file(path)) return path.string();
  }
  return std::nullopt;
}

}  // namespace accelerate::launcher
