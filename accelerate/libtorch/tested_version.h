// Stops the build with a LibTorch that was not tried, in the files that lean on its internals.
//
// Part of those files; not for others. What LibTorch documents stays as it is from version to
// version; what these files use need not. Each of them has a test that fails when it changes, those
// of CUDA on a GPU: docs/design.md has the table.
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
