// What a run shards, so that each process keeps only a part of it. The stages are those of ZeRO
// (Rajbhandari et al., SC 2020).
//
// Example:
//   if (plan.sharding == Sharding::kZero2) std::cout << "gradients are cut, too\n";
//
// Not for its names in flags, files and the environment: see sharding.h.
#pragma once

namespace accelerate::launcher {

enum class Sharding {
  kNone,   // Each process keeps everything.
  kZero1,  // What the optimizer keeps for each parameter is sharded.
  kZero2,  // The gradients are sharded too.
};

}  // namespace accelerate::launcher
