// What each process of a run keeps a part of only. The stages are those of ZeRO (Rajbhandari et
// al., SC 2020).
//
// Example:
//   if (plan.sharding == Sharding::kZero2) std::cout << "gradients are cut, too\n";
//
// Not for how flags, files and the environment name it: that is sharding.h.
#pragma once

namespace accelerate::launcher {

enum class Sharding {
  kNone,   // Each process has all of it.
  kZero1,  // What the optimizer keeps of each parameter.
  kZero2,  // That, and the gradients.
};

}  // namespace accelerate::launcher
