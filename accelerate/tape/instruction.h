// One instruction of a tape: an operator, or host work.
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
  // The operator and its arguments; std::nullopt for host work.
  std::optional<c10::OperatorHandle> op = std::nullopt;
  c10::DispatchKeySet keys = {};
  std::vector<c10::IValue> arguments = {};
  // For each tensor among its results: the storage that takes over the result's memory; null if
  // none does. Empty if all results are written in place.
  std::vector<c10::StorageImpl*> takes = {};
  // Storages that took over memory which nothing needs after this.
  std::vector<c10::StorageImpl*> releases = {};

  // What it must return, as when it was recorded; std::nullopt if any result is fine.
  std::optional<bool> expected = std::nullopt;

  // The host work; null for an operator.
  std::function<void()> work = nullptr;
  bool grad_mode = false;
  // The scope that the host work opens or closes.
  const void* opens = nullptr;
  const void* closes = nullptr;

  // Runs an operator, which uses the stack.
  void run(std::vector<c10::IValue>& stack);

 private:
  void take_results(const std::vector<c10::IValue>& results);
};

}  // namespace accelerate::internal
