// Small checkpoints that a test makes up: files that contain texts.
//
// Example:
//   const std::string folder = new_checkpoint_folder();
//   save_checkpoint(folder + "/checkpoint_0", {{"a.bin", "weights"}, {"b.bin", ""}});
//
// Not for what a training run saves: its files contain more than texts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "formats/checkpoints/commit.h"
#include "formats/checkpoints/verify.h"
#include "gtest/gtest.h"

namespace accelerate::checkpoints {

inline std::string new_checkpoint_folder() {
  std::string folder = ::testing::TempDir() + "/checkpoints.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The names of the folder's entries, sorted.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct SavedCheckpoint {
  std::string id = "0123456789abcdef";
  std::int64_t step = 0;
  std::size_t extent_size = 5;  // In bytes; the last extent of a file may be smaller.
};

// The commit for files with these texts.
inline Commit commit_of(const std::map<std::string, std::string>& texts,
                        const SavedCheckpoint& saved = {}) {
  Commit commit = {.id = saved.id,
                   .saved_at = "2026-11-29T14:30:00Z",
                   .epoch = 2,
                   .step = saved.step,
                   .world_size = 4,
                   .strategy = "multi_cpu",
                   .precision = "bf16",
                   .version = "0.1",
                   .files = {}};
  for (const auto& [name, text] : texts) {
    CheckpointFile file = {.name = name, .size = text.size(), .extents = {}};
    for (std::size_t begin = 0; begin < text.size(); begin += saved.extent_size) {
      const std::string bytes = text.substr(begin, saved.extent_size);
      file.extents.push_back({.offset = begin, .size = bytes.size(), .crc32 = crc32(bytes)});
    }
    commit.files.push_back(file);
  }
  return commit;
}

// Writes files with these texts, makes the folder a whole checkpoint, and returns its commit.
inline Commit save_checkpoint(const std::string& path,
                              const std::map<std::string, std::string>& texts,
                              const SavedCheckpoint& saved = {}) {
  std::filesystem::create_directories(path);
  for (const auto& [name, text] : texts) write_bytes(path + "/" + name, text);
  const Commit commit = commit_of(texts, saved);
  const absl::Status written = write_commit(path, commit);
  EXPECT_TRUE(written.ok()) << written;
  return commit;
}

}  // namespace accelerate::checkpoints
