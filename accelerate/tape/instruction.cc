#include "accelerate/tape/instruction.h"

#include <c10/util/Exception.h>

#include "accelerate/tape/values.h"

namespace accelerate::internal {

void Instruction::run(std::vector<c10::IValue>& stack) {
  stack.assign(arguments.begin(), arguments.end());
  op->redispatchBoxed(keys, &stack);
  if (!takes.empty()) take_results(stack);
  TORCH_CHECK(
      !expected || stack.front().toBool() == *expected, "`", op->schema().name(), "` was ",
      expected.value_or(false) ? "true" : "false",
      " when this step was recorded but is not now, so the step would take another branch, which a "
      "replay cannot do; do not capture the step, or make the decision outside of it");
  stack.clear();
  for (c10::StorageImpl* each : releases) each->set_data_ptr_noswap({});
}

void Instruction::take_results(const std::vector<c10::IValue>& results) {
  auto to = takes.begin();
  for (const c10::IValue& result : results) {
    for_each_tensor(result, [&](const at::Tensor& tensor) {
      c10::StorageImpl* taker = *to++;
      if (taker == nullptr) return;
      c10::StorageImpl* from = tensor.storage().unsafeGetStorageImpl();
      TORCH_CHECK(from->nbytes() == taker->nbytes(), "the size of a result of `",
                  op->schema().name(), "` is not what it was when the step was recorded");
      taker->set_data_ptr_noswap(from->set_data_ptr({}));
    });
  }
}

}  // namespace accelerate::internal
