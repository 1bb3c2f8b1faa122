// The words with which torchrun's users leave the number of processes to the machine.
//
// Example:
//   if (is_open_number(*lookup("PET_NPROC_PER_NODE"))) count_the_gpus();
//
// Not for flags and config files here, where leaving out the number means the same.
#pragma once

#include <string_view>

namespace accelerate::launcher {

inline bool is_open_number(std::string_view text) {
  return text == "auto" || text == "gpu" || text == "cpu";
}

}  // namespace accelerate::launcher
