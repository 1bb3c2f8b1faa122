#include "formats/tokens/find_token_files.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate {
namespace {

// A file of exactly that name, or else those that the pattern describes.
std::vector<std::string> matches(const std::string& pattern) {
  std::error_code error;
  if (std::filesystem::exists(pattern, error)) return {pattern};
  std::vector<std::string> paths;
  glob_t found = {};
  if (glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

std::string data_path(const std::string& path) {
  const std::filesystem::path as_path = path;
  if (as_path.extension() != ".idx") return path;
  return std::filesystem::path(as_path).replace_extension(".bin").string();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> find_token_files(
    const std::vector<std::string>& patterns) {
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns) {
    std::vector<std::string> found = matches(pattern);
    if (found.empty()) found = matches(pattern + ".idx");
    if (found.empty()) {
      return absl::NotFoundError(
          absl::StrCat(pattern, ": there is no such token file; correct the path or the pattern."));
    }
    for (const std::string& path : found) paths.push_back(data_path(path));
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

}  // namespace accelerate
