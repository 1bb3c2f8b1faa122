// Stops the build with an untested version of LibTorch, in the files that depend on its internals.
//
// Part of those files; not for others. What LibTorch documents does not change between versions;
// what these files use may change. Each file has a test that fails if that happens; those of CUDA
// need a GPU. docs/design.md has the table.
#pragma once

#include <torch/headeronly/version.h>

namespace accelerate::internal {

inline constexpr int kOldestLibTorchMinor = 11;
inline constexpr int kNewestLibTorchMinor = 15;

static_assert(TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= kOldestLibTorchMinor &&
                  TORCH_VERSION_MINOR <= kNewestLibTorchMinor,
              "This LibTorch is older or newer than those that Accelerate for C++ was tested with; "
              "third_party/libtorch/libtorch.bzl lists them. Take one of those, or run all tests "
              "with this one, and then add it there and in accelerate/libtorch/tested_version.h.");

}  // namespace accelerate::internal
