// What a recording must know about single operators.
//
// Part of the tape; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <cstddef>
#include <string_view>

namespace accelerate::internal {

// Whether the operator makes a tensor without values, as aten::empty does.
bool makes_blank(std::string_view name);

// Whether the operator writes the argument without reading what was there.
bool overwrites(const c10::FunctionSchema& schema, size_t argument);

// Whether the operator only makes a view of memory.
bool is_view(const c10::OperatorHandle& op);

// Whether the operator is aten::equal, which tells whether two tensors are equal.
bool is_comparison(const c10::OperatorHandle& op);

// Whether the tensors are the same view of the same memory, so that comparing them does not depend
// on values.
bool are_one(const at::Tensor& one, const at::Tensor& other);

// Why a replay could not do what the operator does; null if it can.
const char* obstacle_of(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments);

}  // namespace accelerate::internal
