#include "launcher/env/program_mark.h"

#include <elf.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace accelerate::launcher {
namespace {

// More than that is no note of a compiler or linker.
constexpr std::size_t kLargestSegment = 1 << 16;

template <class Value>
bool read_at(std::ifstream& file, std::uint64_t offset, Value& value) {
  file.clear();
  return file.seekg(static_cast<std::streamoff>(offset)) &&
         file.read(reinterpret_cast<char*>(&value), sizeof(value));
}

bool is_program(const Elf64_Ehdr& header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_phentsize == sizeof(Elf64_Phdr);
}

bool has_mark(const std::vector<char>& notes) {
  const ProgramMark mark;
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  for (std::size_t begin = 0; begin + sizeof(Elf64_Nhdr) <= notes.size();) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes.data() + begin, sizeof(note));
    const std::size_t size = sizeof(note) + padded(note.n_namesz) + padded(note.n_descsz);
    if (size > notes.size() - begin) return false;
    if (note.n_namesz == mark.name_size && note.n_type == mark.type &&
        std::memcmp(notes.data() + begin + sizeof(note), mark.name, mark.name_size) == 0) {
      return true;
    }
    begin += size;
  }
  return false;
}

}  // namespace

bool has_program_mark(const std::string& path) {
  // To read from a pipe would take something from it, and might wait for ever.
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header;
  if (!read_at(file, 0, header) || !is_program(header)) return false;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!read_at(file, header.e_phoff + i * sizeof(segment), segment)) return false;
    if (segment.p_type != PT_NOTE || segment.p_filesz > kLargestSegment) continue;
    std::vector<char> notes(segment.p_filesz);
    file.clear();
    file.seekg(static_cast<std::streamoff>(segment.p_offset));
    if (!file.read(notes.data(), static_cast<std::streamsize>(notes.size()))) return false;
    if (has_mark(notes)) return true;
  }
  return false;
}

}  // namespace accelerate::launcher
