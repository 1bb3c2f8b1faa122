// Files of tokens for tests, byte by byte, so that they can be wrong.
//
// Example:
//   write_bytes(folder + "/a.bin", token_bytes<std::uint16_t>({1, 2, 3}));
//   write_bytes(folder + "/b.bin", token_bytes<std::uint16_t>({1, 2, 3}));
//   write_bytes(folder + "/b.idx", megatron_index_bytes({.sizes = {2, 1}}));
//
// Not for programs, which have TokenWriter (token_writer.h).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace accelerate {

template <class Number>
void append_number(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

template <class Stored>
std::string token_bytes(const std::vector<std::int64_t>& tokens) {
  std::string bytes;
  for (const std::int64_t token : tokens) append_number(bytes, static_cast<Stored>(token));
  return bytes;
}

inline std::string llm_c_header_bytes(std::int32_t magic, std::int32_t version,
                                      std::int32_t num_tokens) {
  std::string bytes;
  for (const std::int32_t number : {magic, version, num_tokens}) append_number(bytes, number);
  bytes.resize(1024);
  return bytes;
}

struct IndexContents {
  std::uint64_t version = 1;
  std::uint8_t type = 8;  // uint16
  int token_size = 2;
  std::vector<std::int32_t> sizes = {};      // The sizes of the sequences, in tokens.
  std::vector<std::int64_t> pointers = {};   // In bytes; if empty, computed from the sizes.
  std::vector<std::int64_t> documents = {};  // If empty, each document is one sequence.
};

inline std::string megatron_index_bytes(IndexContents contents) {
  if (contents.pointers.empty()) {
    std::int64_t pointer = 0;
    for (const std::int32_t size : contents.sizes) {
      contents.pointers.push_back(pointer);
      pointer += static_cast<std::int64_t>(size) * contents.token_size;
    }
  }
  if (contents.documents.empty()) {
    for (std::size_t i = 0; i <= contents.sizes.size(); ++i) contents.documents.push_back(i);
  }
  std::string bytes("MMIDIDX\0\0", 9);
  append_number(bytes, contents.version);
  append_number(bytes, contents.type);
  append_number(bytes, static_cast<std::uint64_t>(contents.sizes.size()));
  append_number(bytes, static_cast<std::uint64_t>(contents.documents.size()));
  for (const std::int32_t size : contents.sizes) append_number(bytes, size);
  for (const std::int64_t pointer : contents.pointers) append_number(bytes, pointer);
  for (const std::int64_t document : contents.documents) append_number(bytes, document);
  return bytes;
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Creates a new, empty folder for the test.
inline std::string new_token_folder() {
  const char* const root = std::getenv("TEST_TMPDIR");
  std::string folder = std::string(root == nullptr ? "/tmp" : root) + "/tokens.XXXXXX";
  return mkdtemp(folder.data()) == nullptr ? std::string() : folder;
}

}  // namespace accelerate
