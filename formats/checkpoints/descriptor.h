// Part of the checkpoints; not for others. Owns an open file or folder.
#pragma once

#include <unistd.h>

namespace accelerate::checkpoints {

class Descriptor {
 public:
  // `number` is negative if opening failed.
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }

  bool is_open() const { return number_ >= 0; }
  int get() const { return number_; }

 private:
  int number_;
};

}  // namespace accelerate::checkpoints
