#include "launcher/flight_record/flight_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/flight_record/layout.h"
#include "launcher/names/command_name.h"
#include "launcher/posix/memory_file.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

constexpr char kName[] = "accelerate flight record";
// Nobody can make it shorter, so that no look into it fails.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

absl::Status no_memory(const char* call) {
  return absl::InternalError(absl::StrCat("cannot get memory for the record of collectives: ", call,
                                          ": ", std::strerror(errno),
                                          "; check the limits (ulimit -a)."));
}

absl::Status no_record(const std::string& where) {
  return absl::NotFoundError(absl::StrCat("there is no record of collectives at ", where));
}

// Calls the function with the path of each flight record that the process has open, by its name,
// until it returns true. No other file is touched: one on a disk that does not answer would keep
// whoever looks at it.
template <class Function>
std::error_code for_each_record(pid_t pid, Function&& function) {
  const std::string link = absl::StrCat("/memfd:", kName, " (deleted)");
  std::error_code error;
  fs::directory_iterator file(absl::StrCat("/proc/", pid, "/fd"), error);
  for (; !error && file != fs::directory_iterator(); file.increment(error)) {
    std::error_code unreadable;
    if (fs::read_symlink(file->path(), unreadable) == link && function(file->path())) break;
  }
  return error;
}

}  // namespace

absl::StatusOr<FlightMemory> FlightMemory::create(const FlightMemoryOptions& options) {
  FileDescriptor fd = make_memory_file(kName);
  if (!fd.is_open()) return no_memory("memfd_create");
  const std::size_t size = flight::memory_size(static_cast<std::size_t>(options.num_ranks));
  rlimit most = {};
  // Beyond the limit of files' sizes a signal would end the process.
  if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur < size) {
    errno = EFBIG;
    return no_memory("ftruncate");
  }
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return no_memory("ftruncate");
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return no_memory("fcntl");
  absl::StatusOr<FlightMemory> memory = map(std::move(fd));
  if (!memory.ok()) return memory.status();
  new (memory->data_) flight::Header{.num_ranks = static_cast<std::uint32_t>(options.num_ranks),
                                     .first_rank = static_cast<std::uint32_t>(options.first_rank),
                                     .world_size = static_cast<std::uint32_t>(options.world_size)};
  return memory;
}

absl::StatusOr<FlightMemory> FlightMemory::map(FileDescriptor fd) {
  struct stat file = {};
  if (fstat(fd.get(), &file) != 0) return no_memory("fstat");
  const auto size = static_cast<std::size_t>(file.st_size);
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return no_memory("mmap");
  return FlightMemory(std::move(fd), data, size);
}

absl::StatusOr<FlightMemory> FlightMemory::open(const std::string& path) {
  // Whatever is there, opening it does not wait.
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat file = {};
  if (!fd.is_open() || !has_seals(fd.get(), kSeals) || fstat(fd.get(), &file) != 0 ||
      file.st_size < static_cast<off_t>(sizeof(flight::Header)))
    return no_record(path);
  absl::StatusOr<FlightMemory> memory = map(std::move(fd));
  if (!memory.ok()) return memory.status();
  if (!read_flight_record(memory->data_, memory->size_).has_value()) return no_record(path);
  return memory;
}

absl::StatusOr<FlightMemory> FlightMemory::of_process(pid_t pid) {
  absl::StatusOr<FlightMemory> found = no_record("");
  const std::error_code error = for_each_record(pid, [&](const fs::path& file) {
    absl::StatusOr<FlightMemory> memory = open(file);
    if (memory.ok()) found = *std::move(memory);
    return found.ok();
  });
  if (error == std::errc::permission_denied) {
    return absl::PermissionDeniedError(
        absl::StrCat("process ", pid, " belongs to another user; ask as that user, or as root."));
  }
  if (error)
    return absl::NotFoundError(absl::StrCat("there is no process ", pid,
                                            "; `pgrep -f accelerate` lists those of launchers."));
  if (found.ok()) return found;
  return absl::NotFoundError(absl::StrCat(
      "process ", pid, " keeps no record of collectives: neither a run of one process without a ",
      "launcher nor a program that was not built with this library has one. For a run of ",
      "several processes, pass the number of its launcher (`", command_name(),
      " launch`), or of one of them. ", "`eu-stack -p ", pid,
      "` shows where the threads of a process are."));
}

std::string FlightMemory::path() const {
  return absl::StrCat("/proc/", getpid(), "/fd/", fd_.get());
}

std::size_t FlightMemory::num_ranks() const {
  return (size_ - sizeof(flight::Header)) / sizeof(flight::RankBlock);
}

FlightSnapshot FlightMemory::read() const {
  // What made it readable cannot change, unless somebody writes there who should not.
  return read_flight_record(data_, size_).value_or(FlightSnapshot{.now = flight_time()});
}

void FlightMemory::note_start(int local_rank, pid_t pid) {
  flight::block_in(data_, static_cast<std::size_t>(local_rank))
      ->started.store(static_cast<std::uint32_t>(pid), std::memory_order_relaxed);
}

bool FlightMemory::is_held_by(pid_t pid) const {
  struct stat own = {};
  if (fstat(fd_.get(), &own) != 0) return false;
  bool is_held = false;
  for_each_record(pid, [&](const fs::path& file) {
    struct stat other = {};
    is_held =
        stat(file.c_str(), &other) == 0 && other.st_ino == own.st_ino && other.st_dev == own.st_dev;
    return is_held;
  });
  return is_held;
}

void FlightMemory::close() {
  if (data_ != nullptr) munmap(std::exchange(data_, nullptr), size_);
  fd_.reset();
}

}  // namespace accelerate::launcher
