// Memory that processes share by its descriptor.
//
// Example:
//   FileDescriptor memory = make_memory_file("rank states");
//   if (!memory.is_open() || ftruncate(memory.get(), 4096) != 0) return errno;
//
// Not for memory of one process.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

// As new kernels number them, which the headers of older systems do not know.
inline constexpr unsigned kMemfdNoExecSeal = 8;
inline constexpr int kSealExec = 0x20;

// Empty, without seals but one: nobody can execute it, which some systems demand
// (vm.memfd_noexec=2). Not open, with errno, where there is no room for another.
inline FileDescriptor make_memory_file(const char* name) {
  constexpr unsigned kFlags = MFD_ALLOW_SEALING | MFD_CLOEXEC;
  FileDescriptor file(memfd_create(name, kFlags | kMemfdNoExecSeal));
  if (!file.is_open() && errno == EINVAL) file = FileDescriptor(memfd_create(name, kFlags));
  return file;
}

// Whether it has these seals and no others but the one against executing it.
inline bool has_seals(int fd, int seals) {
  const int present = fcntl(fd, F_GET_SEALS);
  return present >= 0 && (present & ~kSealExec) == seals;
}

}  // namespace accelerate::launcher
