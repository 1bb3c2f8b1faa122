// A disk of a few pages, which a test can fill or make read-only.
//
// Example:
//   const SmallDisk disk(folder, /*bytes=*/1 << 16);
//   if (disk.is_there()) disk.fill();
//
// Not for several threads: it is mounted only for the process that makes it, which from then on
// sees no new mounts of others.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <string>

namespace accelerate::checkpoints {

class SmallDisk {
 public:
  // Mounts the disk on an existing folder.
  SmallDisk(const std::string& folder, std::size_t bytes) : folder_(folder) {
    const std::string options = "size=" + std::to_string(bytes);
    is_there_ = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                mount("none", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (is_there_) umount2(folder_.c_str(), MNT_DETACH);
  }

  // Whether it was mounted. Only root can do that, and not everywhere.
  bool is_there() const { return is_there_; }

  // Fills the disk with a file `filling`.
  void fill() const {
    std::ofstream file(folder_ + "/filling", std::ios::binary);
    while (file << std::string(512, 'x') << std::flush) {
    }
  }

  // Makes the disk read-only. Returns false if that fails.
  bool forbid_writing() const {
    return mount("none", folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }

 private:
  std::string folder_;
  bool is_there_ = false;
};

}  // namespace accelerate::checkpoints
