// The options and the state of an optimizer as named values. Its state is stored by the names of
// the parameters, so that the order of parameters does not matter:
// `kind`, such as torch::optim::AdamW; `groups`, the number of groups; `group.0.parameters`, the
// names, each followed by a NUL; `group.0.lr` and other options, by LibTorch's names;
// `state.weight.exp_avg` and other tensors, by LibTorch's names; `state.weight.step`, the count of
// steps, if it has one; `state.NAME.value`, for a tensor that is in no prepared model.
//
// An optimizer that the library does not know is stored in LibTorch's own form instead, as bytes
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

// The state's tensors are the optimizer's own, not copies; those of parameters that are cut over
// the ranks are cut, too. A parameter without a name is named by its group and its index there.
// Throws c10::Error if the optimizer cannot be saved.
State save_optimizer(torch::optim::Optimizer& optimizer, const ModelSet::ParameterNames& names);

// Throws c10::Error with all differences if the state belongs to another kind of optimizer or to
// other parameters; `index` names the optimizer in the message.
void check_fits(const State& state, const torch::optim::Optimizer& optimizer,
                const ModelSet::ParameterNames& names, size_t index);

// Returns what this rank keeps of a saved tensor of a parameter's state; undefined if it keeps all
// of it.
using CutOf = std::function<at::Tensor(const at::Tensor& saved, const at::Tensor& parameter)>;

// Loads a state that fits. Removes what the saved optimizer did not have.
void load_optimizer(torch::optim::Optimizer& optimizer, const State& state,
                    const ModelSet::ParameterNames& names, const CutOf& cut_of);

}  // namespace accelerate::internal
