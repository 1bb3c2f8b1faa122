// Small safetensors files that a test makes up, whole or broken.
//
// Example:
//   const std::string path = write_file("a.safetensors", safetensors_file(R"({})", 0));
//
// Not for what the Python package writes: testdata has files that it wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace accelerate::safetensors {

// The bytes of a file with this header, which states `stated_length` as the header's length,
// followed by `data_size` zeros.
inline std::string safetensors_file(const std::string& json, std::size_t data_size,
                                    std::uint64_t stated_length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(stated_length >> (8 * i));
  return bytes + json + std::string(data_size, '\0');
}

inline std::string safetensors_file(const std::string& json, std::size_t data_size) {
  return safetensors_file(json, data_size, json.size());
}

// Writes a file below the test's temporary folder, creates its folders, and returns its path.
inline std::string write_file(const std::string& name, const std::string& bytes) {
  const char* root = std::getenv("TEST_TMPDIR");
  const auto path = std::filesystem::path(root == nullptr ? "/tmp" : root) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

}  // namespace accelerate::safetensors
