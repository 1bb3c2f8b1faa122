#include "launcher/rendezvous/program_digest.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>

#include "absl/strings/str_format.h"

namespace accelerate::launcher {
namespace {

// FNV-1a of 64 bits.
struct Digest {
  std::uint64_t value = 0xcbf29ce484222325;

  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
  }
  std::string text() const { return absl::StrFormat("%016x", value); }
};

}  // namespace

std::string program_digest(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return "unreadable";
  Digest digest;
  std::array<char, 1 << 16> bytes;
  do {
    file.read(bytes.data(), bytes.size());
    digest.add({bytes.data(), static_cast<std::size_t>(file.gcount())});
  } while (file.good());
  return file.bad() ? "unreadable" : digest.text();
}

std::string digest_of(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.text();
}

}  // namespace accelerate::launcher
