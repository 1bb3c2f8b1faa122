// What a recording has to know of single operators.
//
// Part of the tape; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <cstddef>
#include <string_view>

namespace accelerate::internal {

// Whether it makes a tensor without values.
bool makes_blank(std::string_view name);

// Whether the operator writes the argument without looking at what was there.
bool overwrites(const c10::FunctionSchema& schema, size_t argument);

// Whether all it does is to look at memory otherwise.
bool is_view(const c10::OperatorHandle& op);

// Whether it is the one that says whether two tensors are equal.
bool is_comparison(const c10::OperatorHandle& op);

// Whether the tensors are one, and their comparison no question of values.
bool are_one(const at::Tensor& one, const at::Tensor& other);

// Why a replay could not do what the operator does; null when it can.
const char* obstacle_of(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments);

}  // namespace accelerate::internal
