// How a launcher knows a program that was built with this library from any other: an ELF note.
//
// Example:
//   if (has_program_mark("/home/me/my_model")) command.takes_store_socket = true;
//
// The note gets into a program with the target :program_mark_note, which whatever reads
// ACCELERATE_STORE_FD depends on.
//
// Not for finding out what a program can do: it says nothing but that it is one.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::launcher {

// As ELF lays a note out.
struct ProgramMark {
  std::uint32_t name_size = 12;
  std::uint32_t description_size = 4;
  std::uint32_t type = 1;
  char name[12] = "Accelerate";  // Padded to a multiple of four bytes.
  std::uint32_t version = 1;     // Of what a program takes from its launcher.
};

// Whether the file is an executable with the mark; false for whatever cannot be read. Thread-safe.
bool has_program_mark(const std::string& path);

}  // namespace accelerate::launcher
