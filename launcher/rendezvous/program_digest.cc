#include "launcher/rendezvous/program_digest.h"

#include <array>
#include <cstdint>
#include <fstream>

#include "absl/strings/str_format.h"

namespace accelerate::launcher {

// FNV-1a of 64 bits.
std::string program_digest(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return "unreadable";
  std::uint64_t digest = 0xcbf29ce484222325;
  std::array<char, 1 << 16> bytes;
  do {
    file.read(bytes.data(), bytes.size());
    for (std::streamsize i = 0; i < file.gcount(); ++i) {
      digest = (digest ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
    }
  } while (file.good());
  return file.bad() ? "unreadable" : absl::StrFormat("%016x", digest);
}

}  // namespace accelerate::launcher
