#include "accelerate/comm/shared_memory/region.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include "launcher/posix/memory_file.h"

// Why memfd_create
//
// shm_open makes a name in /dev/shm, which a process that is killed between making and unlinking it
// leaves behind, however short that time is made; and /dev/shm is 64 MB in many containers. A memfd
// never has a name and is bounded by the memory of the machine or of the container alone.

namespace accelerate::internal {
namespace {

int checked(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

// Like ftruncate, but where the file would be larger than this process may make any (ulimit -f) the
// call fails with EFBIG, and there is no SIGXFSZ that ends the process. The kernel sends that to
// the thread, so that other threads see nothing of it.
int resize(int descriptor, int64_t bytes) {
  sigset_t too_large;
  sigset_t old_mask;
  sigemptyset(&too_large);
  sigaddset(&too_large, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &too_large, &old_mask);
  const int result = ftruncate(descriptor, bytes);
  const int error = errno;
  if (result < 0 && error == EFBIG) {
    const timespec at_once = {};
    sigtimedwait(&too_large, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &old_mask, nullptr);
  errno = error;
  return result;
}

}  // namespace

std::unique_ptr<Region> Region::create(int64_t bytes) {
  const int descriptor =
      checked(launcher::make_memory_file("accelerate_collectives").release(), "memfd_create");
  std::unique_ptr<Region> region(new Region(descriptor, bytes));
  checked(resize(descriptor, bytes), "ftruncate of shared memory");
  // Nobody can cut off what others have mapped, which would kill them.
  checked(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL), "sealing shared memory");
  region->map();
  return region;
}

std::unique_ptr<Region> Region::open(int descriptor, int64_t bytes) {
  std::unique_ptr<Region> region(new Region(descriptor, bytes));
  struct stat status = {};
  checked(fstat(descriptor, &status), "fstat of shared memory");
  if (status.st_size != bytes)
    throw std::runtime_error("the first process of this host shares " +
                             std::to_string(status.st_size) + " bytes instead of " +
                             std::to_string(bytes) + "; run the same program in all processes");
  region->map();
  return region;
}

void Region::map() {
  void* const memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (memory == MAP_FAILED)
    throw std::system_error(errno, std::generic_category(), "mmap of shared memory");
  memory_ = memory;
}

Region::~Region() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  close(descriptor_);
}

}  // namespace accelerate::internal
