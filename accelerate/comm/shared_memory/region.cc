#include "accelerate/comm/shared_memory/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "launcher/posix/memory_file.h"
#include "launcher/posix/signals_of_writes.h"

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

// Beyond what this process may make any file (ulimit -f) it fails with EFBIG.
int resize(int descriptor, int64_t bytes) {
  const launcher::SignalsOfWrites guard;
  return ftruncate(descriptor, bytes);
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
