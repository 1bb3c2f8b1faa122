// The handle of a model that Accelerator::prepare() returns. You call it like the model: it runs
// the forward pass in the program's precision and returns the outputs in fp32, whether they are a
// tensor, a tuple or a struct of tensors. An output type that may hide a tensor does not compile
// (see visit_tensors.h).
//
//   auto model = accelerator.prepare(net);
//   auto logits = model(images);
//   model->eval();                       // the module's own methods
//
// Copies of the handle refer to the same module, which remains yours. Calling your module itself or
// model->forward() is allowed and runs it in full precision; if the program's precision is another
// one, and there is no scope of Accelerator::autocast(), the first backward pass warns.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>

#include "accelerate/engine/model_set.h"
#include "accelerate/nested/visit_tensors.h"
#include "accelerate/phases/phases.h"

namespace accelerate {

template <class Module>
class PreparedModel {
 public:
  PreparedModel(std::shared_ptr<ModelSet> models, std::shared_ptr<Module> module, bool owned)
      : models_(std::move(models)),
        module_(std::move(module)),
        state_(models_->add(module_, owned)) {}

  template <class... Arguments>
  auto operator()(Arguments&&... arguments) const {
    const PhaseScope forward(at::GradMode::is_enabled() ? Phase::kForward : Phase::kEvaluation);
    models_->before_forward(*state_);
    const auto autocast = models_->autocast();
    auto output = module_->forward(std::forward<Arguments>(arguments)...);
    if (autocast) {
      visit_tensors(output, [](at::Tensor& tensor) {
        if (tensor.defined() && at::isReducedFloatingType(tensor.scalar_type()))
          tensor = tensor.to(at::kFloat);
      });
    }
    return output;
  }

  Module* operator->() const { return module_.get(); }
  Module& operator*() const { return *module_; }

  // The user's module.
  const std::shared_ptr<Module>& unwrap() const { return module_; }
  // For the Accelerator.
  const std::shared_ptr<ModelState>& state() const { return state_; }

 private:
  std::shared_ptr<ModelSet> models_;
  std::shared_ptr<Module> module_;
  std::shared_ptr<ModelState> state_;
};

}  // namespace accelerate
