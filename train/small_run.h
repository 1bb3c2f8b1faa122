// A short run of the example, for tests that kill it and start it again.
//
// Example:
//   Subprocess program({.arguments = small_run(2, "no", /*capture=*/false, folder)});
//   EXPECT_TRUE(launcher::eventually([&] { return newest_checkpoint(folder) >= 1; }));
//
// The variable MY_MODEL holds the example's path. Not for tests of what it learns.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace accelerate::train {

inline std::string new_folder() {
  std::string folder = testing::TempDir() + "/run_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

// A data file of few images, so that an epoch has few steps.
inline std::string few_digits() {
  static const std::string path = [] {
    const std::string file = testing::TempDir() + "/digits.csv";
    std::ofstream out(file);
    std::mt19937 random(7);
    for (int image = 0; image < 180; ++image) {
      for (int pixel = 0; pixel < 64; ++pixel) out << random() % 17 << ",";
      out << image % 10 << "\n";
    }
    return file;
  }();
  return path;
}

// The command line of a run of 48 updates: each of eight epochs has six windows of three batches,
// on one process as on two.
inline std::vector<std::string> small_run(int processes, const std::string& precision, bool capture,
                                          const std::string& checkpoints, int zero_stage = 0) {
  setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "3", 1);
  std::vector<std::string> words = {std::getenv("MY_MODEL"),
                                    "--cpu",
                                    "--num_processes=" + std::to_string(processes),
                                    "--mixed_precision=" + precision,
                                    "--data=" + few_digits(),
                                    "--epochs=8",
                                    "--batch_size=" + std::to_string(8 / processes),
                                    "--dropout=0.2",
                                    "--clip=1",
                                    "--report_ranks",
                                    capture ? "--capture" : "--nocapture"};
  if (zero_stage > 0)
    words.insert(words.begin() + 1,
                 {"--use_deepspeed", "--zero_stage=" + std::to_string(zero_stage)});
  if (!checkpoints.empty())
    words.insert(words.end(), {"--checkpoints=" + checkpoints, "--save_every=2"});
  return words;
}

// What a run prints at its end: digests of the parameters, what each rank saw, and the accuracy.
inline std::multiset<std::string> report_of(const std::string& output) {
  std::multiset<std::string> lines;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("rank ") || line.starts_with("test accuracy")) lines.insert(line);
  return lines;
}

// The numbers of the complete checkpoints in the folder.
inline std::set<int> checkpoints_in(const std::string& folder) {
  std::set<int> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("checkpoint_") && name.find('.') == std::string::npos)
      numbers.insert(std::stoi(name.substr(11)));
  }
  return numbers;
}

// -1 if there is none.
inline int newest_checkpoint(const std::string& folder) {
  const std::set<int> numbers = checkpoints_in(folder);
  return numbers.empty() ? -1 : *numbers.rbegin();
}

}  // namespace accelerate::train
