// An ELF note by which a launcher recognises a program that was built with this library.
//
// Example:
//   if (has_program_mark("/home/me/my_model")) command.takes_store_socket = true;
//
// A program gets the note from the target :program_mark_note, on which everything that reads
// ACCELERATE_STORE_FD depends.
//
// Does not say what the program can do.
#pragma once

#include <cstdint>
#include <string>

namespace accelerate::launcher {

// The layout of an ELF note.
struct ProgramMark {
  std::uint32_t name_size = 12;
  std::uint32_t description_size = 4;
  std::uint32_t type = 1;
  char name[12] = "Accelerate";  // Padded to a multiple of four bytes.
  std::uint32_t version = 1;     // Of what a program takes from its launcher.
};

// Whether the file is an executable with the mark; false if it cannot be read. Thread-safe.
bool has_program_mark(const std::string& path);

}  // namespace accelerate::launcher
