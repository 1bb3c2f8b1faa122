// The form of an operator that writes its results to given memory.
//
// Part of the tape; not for others.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

namespace accelerate::internal {

// The form takes the operator's arguments and then a tensor for each of its results. std::nullopt
// if LibTorch has no kernel for it and only copies what the operator itself returns, or if the
// kernel is not known to leave given memory where it is: some resize it on the way.
std::optional<c10::OperatorHandle> out_form(const c10::OperatorHandle& op);

}  // namespace accelerate::internal
