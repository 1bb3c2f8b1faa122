#include "launcher/config/config_testing.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {

namespace {

// Removes them at the end, since Bazel cannot remove files of any name. A process that a test forks
// leaves them to this one.
struct Folders {
  ~Folders() {
    if (getpid() != owner) return;
    std::error_code ignored;
    for (const std::string& path : paths) std::filesystem::remove_all(path, ignored);
  }
  pid_t owner = getpid();
  std::vector<std::string> paths;
};

}  // namespace

std::string make_folder() {
  static Folders folders;
  std::string pattern = ::testing::TempDir() + "config_test.XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  folders.paths.push_back(pattern);
  return pattern;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  EXPECT_TRUE(file.good()) << path;
}

std::map<std::string, std::string> read_testdata(const std::string& folder) {
  std::map<std::string, std::string> texts;
  const std::string path = "launcher/config/testdata/" + folder;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    texts[entry.path().filename().string()] = read_text(entry.path().string());
  }
  EXPECT_FALSE(texts.empty()) << path << ": run the test in the root of the repository";
  return texts;
}

ReadConfig parse_ok(const std::string& text, const std::string& path) {
  const absl::StatusOr<ReadConfig> read = parse_config(text, path);
  EXPECT_TRUE(read.ok()) << read.status() << "\n" << text;
  return read.ok() ? *read : ReadConfig{};
}

std::string parse_error(const std::string& text, const std::string& path) {
  const absl::StatusOr<ReadConfig> read = parse_config(text, path);
  EXPECT_FALSE(read.ok()) << text;
  return std::string(read.status().message());
}

LaunchConfig with_base_keys(LaunchConfig config) {
  if (!config.mixed_precision.has_value()) config.mixed_precision = MixedPrecision::kNo;
  if (!config.same_network.has_value()) config.same_network = true;
  if (!config.use_cpu.has_value()) config.use_cpu = false;
  config.downcast_bf16 = "no";
  config.tpu_env.emplace();
  return fill_missing_values(config);
}

}  // namespace accelerate::launcher
