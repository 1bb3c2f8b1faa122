#include "accelerate/progress_bar/above_bars.h"

#include <atomic>

namespace accelerate::internal {
namespace {

constinit std::atomic<WriteAboveBars> current = nullptr;

}  // namespace

void write_above_bars(int fd, const std::function<void()>& write) {
  if (const WriteAboveBars writer = current) {
    writer(fd, write);
  } else {
    write();
  }
}

void set_write_above_bars(WriteAboveBars writer) { current = writer; }

}  // namespace accelerate::internal
