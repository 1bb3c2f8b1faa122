#include "formats/runs/testing/run_files.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"

namespace accelerate::runs {
namespace {

std::string number(double value) {
  if (std::isfinite(value)) return absl::StrFormat("%.17g", value);
  return std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
}

}  // namespace

std::string new_runs_folder() {
  std::string folder = ::testing::TempDir() + "/runs.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

void write_text(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  EXPECT_TRUE(file.flush().good()) << path;
}

void write_run(const std::string& path, const std::map<std::string, std::vector<double>>& metrics,
               const std::string& config) {
  write_text(path + "/config.json",
             absl::StrCat(R"({"name": "a run", "started_at": 1000, "config": )", config, "}"));
  std::size_t steps = 0;
  for (const auto& [name, values] : metrics) steps = std::max(steps, values.size());
  std::string lines;
  for (std::size_t i = 0; i < steps; ++i) {
    absl::StrAppend(&lines, "{\"step\":", i + 1, ",\"time\":", 1000 + 10 * (i + 1));
    for (const auto& [name, values] : metrics) {
      if (i < values.size()) absl::StrAppend(&lines, ",\"", name, "\":", number(values[i]));
    }
    absl::StrAppend(&lines, "}\n");
  }
  write_text(path + "/metrics.jsonl", lines);
}

}  // namespace accelerate::runs
