// The form of an operator that writes its results to given memory.
//
// Part of the tape; not for others.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

namespace accelerate::internal {

// Takes the operator's arguments and then a tensor for each of its results. None where LibTorch has
// no kernel for it, but only copies what the operator itself returns, or where the kernel is not
// known to leave given memory where it is: some resize it on the way.
std::optional<c10::OperatorHandle> out_form(const c10::OperatorHandle& op);

}  // namespace accelerate::internal
