// What a tape does one after the other.
//
// Part of the tape; not for others.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/core/StorageImpl.h>

#include <functional>
#include <optional>
#include <vector>

namespace accelerate::internal {

struct Instruction {
  // An operator,
  std::optional<c10::OperatorHandle> op = std::nullopt;
  c10::DispatchKeySet keys = {};
  std::vector<c10::IValue> arguments = {};
  // and of each tensor among its results, whose memory is to become that of the result; null where
  // there is nothing to take over. Empty where all were written in place.
  std::vector<c10::StorageImpl*> takes = {};
  // Taken over memory that nothing needs after this.
  std::vector<c10::StorageImpl*> releases = {};

  // What it must return, as when it was recorded; none for whatever it does.
  std::optional<bool> expected = std::nullopt;

  // or work of the host,
  std::function<void()> work = nullptr;
  bool grad_mode = false;
  // and the scope that it opens or closes.
  const void* opens = nullptr;
  const void* closes = nullptr;

  // Of an operator; the stack is for its use.
  void run(std::vector<c10::IValue>& stack);

 private:
  void take_results(const std::vector<c10::IValue>& results);
};

}  // namespace accelerate::internal
