// What an optimizer goes on from, as named values: its options by group, and what it keeps of each
// parameter by the parameter's name, so that the order of parameters does not matter:
// `kind`, such as torch::optim::AdamW; `groups`, how many there are; `group.0.parameters`, the
// names, each ended by a NUL; `group.0.lr` and other options, by LibTorch's names;
// `state.weight.exp_avg` and other tensors, by LibTorch's names; `state.weight.step`, the count of
// steps, where it has one; `state.NAME.value`, of a tensor that is in no prepared model.
//
// An optimizer that the library does not know is in LibTorch's own form instead, as bytes
// (kArchiveName), with the sizes of its parameters (`form`).
//
// Part of the OptimizerSteps; not for others.
#pragma once

#include <cstddef>
#include <functional>

#include "accelerate/engine/model_set.h"
#include "accelerate/state/state.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate::internal {

// Its tensors are those that the optimizer goes on with; of parameters that are cut over the ranks
// they are cut, too. Throws c10::Error where the optimizer cannot be saved. A parameter without a
// name is called by its group and its place there.
State save_optimizer(torch::optim::Optimizer& optimizer, const ModelSet::ParameterNames& names);

// Throws c10::Error with all that differs, where the state is of another kind of optimizer or of
// other parameters; `index` names the optimizer in the message.
void check_fits(const State& state, const torch::optim::Optimizer& optimizer,
                const ModelSet::ParameterNames& names, size_t index);

// What this rank keeps of a saved tensor of a parameter's state; undefined for all of it.
using CutOf = std::function<at::Tensor(const at::Tensor& saved, const at::Tensor& parameter)>;

// Goes on from a state that fits; what the saved optimizer did not have is taken away.
void load_optimizer(torch::optim::Optimizer& optimizer, const State& state,
                    const ModelSet::ParameterNames& names, const CutOf& cut_of);

}  // namespace accelerate::internal
