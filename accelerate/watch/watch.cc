#include "accelerate/watch/watch.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "accelerate/checkpoint/model_files.h"
#include "accelerate/watch/operator_log.h"

namespace accelerate {
namespace {

using internal::FoundOperator;
using internal::FoundOperators;
using internal::is_finite;

constexpr size_t kMostNames = 4;
constexpr size_t kMostRanks = 4;

// "after 12 steps of this process".
std::string when(const StepGradients& step) {
  return c10::str("after ", step.steps, step.steps == 1 ? " step" : " steps", " of this process");
}

// "`a`, `b` and 7 more".
std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i)
    text += (i == 0 ? "`" : ", `") + names[i] + "`";
  if (names.size() > kMostNames) text += c10::str(" and ", names.size() - kMostNames, " more");
  return text;
}

// "encoder" of "encoder.layers.3.weight", and of a second model "model_1/encoder".
std::string outermost_module(const std::string& parameter) {
  return parameter.substr(0, parameter.find('.'));
}

// "layers.3" of "layers.3.weight"; empty where the model itself has the parameter.
std::string module_of(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? "" : parameter.substr(0, dot);
}

// LibTorch's modules do not say which of them is at work. What is known is whose parameters an
// operator uses, and whose were used last.
std::string place_of(const FoundOperator& found) {
  if (found.parameter.empty()) return "";
  const std::string module = module_of(found.parameter);
  if (found.uses_parameter)
    return module.empty() ? " with the parameter `" + found.parameter + "`"
                          : " in the module `" + module + "`";
  return module.empty() ? " behind the use of the parameter `" + found.parameter + "`"
                        : " behind the module `" + module + "`";
}

// "`aten::log` in the forward pass, behind the module `0`".
std::string text_of(const FoundOperator& found) {
  std::string text = "`" + found.name + "` in the ";
  if (found.node.empty()) {
    text += "forward pass,";
  } else if (found.forward_name.empty()) {
    text += "backward pass (" + found.node + "),";
  } else {
    text += "backward pass of `" + found.forward_name + "` (" + found.node + "),";
  }
  text += place_of(found);
  if (text.back() == ',') text.pop_back();
  return text;
}

at::Tensor norm_of_all(const std::vector<at::Tensor>& norms) {
  return at::linalg_vector_norm(at::stack(norms));
}

// Every rank has them whole. Added up in fp32 at least: a norm in fp16 overflows.
at::Tensor norm_of_parameters(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> norms;
  for (const at::Tensor& parameter : parameters) {
    const auto type = c10::promoteTypes(parameter.scalar_type(), at::kFloat);
    norms.push_back(at::linalg_vector_norm(parameter, 2, {}, false, type).to(at::kFloat));
  }
  return norm_of_all(norms);
}

std::vector<at::Tensor> tensors_of(const std::vector<NamedParameter>& parameters) {
  std::vector<at::Tensor> tensors;
  for (const NamedParameter& parameter : parameters) tensors.push_back(parameter.tensor);
  return tensors;
}

}  // namespace

struct Watch::Cause {
  // What there is to say of this rank; empty where it has computed finite numbers only.
  std::string text;
  // How sure it is: an infinity alone may be meant.
  enum Weight : char { kNone = '0', kInfinity = '1', kCertain = '2' } weight = kNone;
};

Watch::Watch(Communicator& communicator, const ProcessInfo& process, ActiveLoaders& loaders)
    : communicator_(communicator), process_(process), loaders_(loaders) {}

Watch::~Watch() = default;

void Watch::start(const WatchOptions& options) {
  TORCH_CHECK(options.every >= 1, "watch(): every is ", options.every,
              "; give a number of steps, typically 100");
  TORCH_CHECK(!options.folder.empty(), "watch(): the folder has no name");
  if (!options.non_finite) operators_.reset();
  if (options.non_finite && operators_ == nullptr)
    operators_ = std::make_unique<internal::OperatorLog>();
  options_ = options;
  is_on_ = options.non_finite || options.norms;
  has_warned_ = has_warned_of_loss_ = false;
  losses_.clear();
  loaders_.keeps_batch = options.non_finite;
  if (!options.non_finite) loaders_.batch.clear();
}

void Watch::before_backward(const at::Tensor& loss) { losses_.push_back(loss.detach()); }

void Watch::forget() {
  losses_.clear();
  if (operators_ != nullptr) operators_->clear();
}

void Watch::after_backward(const StepGradients& step) {
  c10::AutoGradMode no_grad(false);
  if (options_.norms && step.steps % options_.every == 0) measure_norms(step);
  if (operators_ != nullptr) {
    look_for_non_finite(step);
    // Unless that was its last look.
    if (operators_ != nullptr) operators_->clear();
  }
  losses_.clear();
}

void Watch::measure_norms(const StepGradients& step) {
  std::map<std::string, std::vector<at::Tensor>> modules;
  for (const NamedParameter& parameter : step.parameters) {
    if (parameter.tensor.is_floating_point())
      modules[outermost_module(parameter.name)].push_back(parameter.tensor);
  }
  if (modules.empty()) return;
  norms_.clear();
  std::vector<at::Tensor> of_gradients, of_parameters;
  for (const auto& [module, parameters] : modules) {
    // Where a module has no gradients it is a zero on the host.
    of_gradients.push_back(step.norm_of(parameters).to(parameters.front().device()));
    of_parameters.push_back(norm_of_parameters(parameters));
    if (modules.size() == 1) continue;
    norms_.emplace_back("watch/gradient_norm/" + module, of_gradients.back());
    norms_.emplace_back("watch/parameter_norm/" + module, of_parameters.back());
  }
  norms_.emplace_back("watch/gradient_norm", norm_of_all(of_gradients));
  norms_.emplace_back("watch/parameter_norm", norm_of_all(of_parameters));
}

void Watch::look_for_non_finite(const StepGradients& step) {
  std::vector<double> losses;
  for (const at::Tensor& loss : losses_) losses.push_back(loss.item<double>());
  const bool is_loss_finite =
      std::all_of(losses.begin(), losses.end(), [](double loss) { return std::isfinite(loss); });
  if (std::isfinite(step.norm_of(tensors_of(step.parameters)).item<double>())) {
    if (is_loss_finite || std::exchange(has_warned_of_loss_, true)) return;
    // The other ranks do not know of it, and no weight suffers.
    TORCH_WARN("watch(): ", when(step),
               ", the loss is not finite though all gradients are, so that the step is taken. ",
               cause_of(step, losses).text, " ", save_batch(step.steps));
    return;
  }
  bool are_losses_finite = is_loss_finite;
  if (step.are_of_all_ranks)
    are_losses_finite = communicator_.all_reduce_numbers({is_loss_finite}, ReduceOp::kMin)[0] != 0;
  // An overflow, which lowers the scale. One that even gradients without a scale have will not end.
  if (are_losses_finite && step.loss_scale.defined() && step.loss_scale.item<double>() >= 1) return;
  if (has_warned_ && !step.are_of_all_ranks) return;
  const std::string text = say(step, cause_of(step, losses));
  if (options_.action == WatchAction::kThrow) {
    operators_->clear();
    losses_.clear();
    throw NonFiniteError(text +
                         "\nNo optimizer has stepped with them, so that the weights are as "
                         "they were.");
  }
  if (process_.is_main() || !step.are_of_all_ranks)
    TORCH_WARN(text, "\nThe step is taken all the same, and no further one is looked at.");
  has_warned_ = true;
  // Ranks that had no part in this step go on looking, and must meet this one when they find
  // something.
  if (!step.are_of_all_ranks && communicator_.size() > 1) return;
  WatchOptions rest = options_;
  rest.non_finite = false;
  start(rest);
}

Watch::Cause Watch::cause_of(const StepGradients& step, const std::vector<double>& losses) const {
  Cause cause;
  for (const double loss : losses) {
    if (std::isfinite(loss)) continue;
    cause.text = c10::str("The loss is ", loss, ".");
    cause.weight = Cause::kCertain;
    break;
  }
  const auto add = [&cause](const std::string& sentence, Cause::Weight weight) {
    cause.text += (cause.text.empty() ? "" : " ") + sentence;
    cause.weight = std::max(cause.weight, weight);
  };
  std::vector<std::string> bad;
  for (const auto& [name, tensor] : loaders_.batch)
    if (!is_finite(tensor)) bad.push_back(name);
  if (!bad.empty())
    add("The batch itself has values that are not finite (" + list_of(bad) + ").", Cause::kCertain);
  bad.clear();
  for (const NamedParameter& parameter : step.parameters)
    if (!is_finite(parameter.tensor)) bad.push_back(parameter.name);
  if (!bad.empty())
    add("The model has parameters that are not finite (" + list_of(bad) + ").", Cause::kCertain);
  bad.clear();
  for (const NamedParameter& buffer : step.buffers())
    if (!is_finite(buffer.tensor)) bad.push_back(buffer.name);
  // They may have come from another rank, and blame nobody.
  if (!bad.empty())
    add("Buffers of the model hold such numbers now (" + list_of(bad) +
            "): before the training goes on, load a checkpoint.",
        Cause::kNone);
  const FoundOperators found = operators_->find(step.parameters);
  if (found.nan) add("The first NaN came out of " + text_of(*found.nan) + ".", Cause::kCertain);
  if (found.infinity)
    add((found.nan ? "Before it, infinity came first out of " : "Infinity came first out of ") +
            text_of(*found.infinity) + ".",
        Cause::kInfinity);
  return cause;
}

std::string Watch::say(const StepGradients& step, const Cause& cause) {
  std::vector<std::string> bad;
  for (const NamedParameter& parameter : step.parameters)
    if (!is_finite(parameter.tensor.grad())) bad.push_back(parameter.name);
  std::string text =
      c10::str("watch(): ", when(step), ", the gradients of ", list_of(bad), " are not finite.");
  const auto from_all = [&](const std::string& own) {
    return step.are_of_all_ranks ? communicator_.all_gather_bytes(own) : std::vector{own};
  };
  const std::vector<std::string> causes = from_all(std::string(1, cause.weight) + cause.text);
  char weight = Cause::kNone;
  for (const std::string& each : causes) weight = std::max(weight, each[0]);
  // Those that have it from others say nothing. All have their batch there before any rank throws.
  const std::vector<std::string> batches =
      from_all(cause.weight == weight ? save_batch(step.steps) : "");
  if (weight == Cause::kNone)
    text +=
        " No operator of LibTorch was seen to compute NaN or infinity: what is not one of its "
        "operators may have, or a hook.";
  size_t told = 0;
  for (size_t rank = 0; rank < causes.size(); ++rank) {
    if (causes[rank][0] != weight || ++told > kMostRanks) continue;
    text += causes.size() > 1 ? c10::str("\nRank ", rank, ": ") : " ";
    text += causes[rank].substr(1);
    text += (causes[rank].size() > 1 ? " " : "") + batches[rank];
  }
  if (told > kMostRanks) text += c10::str("\nIt is so on ", told - kMostRanks, " more ranks.");
  return text;
}

std::string Watch::save_batch(int64_t steps) const {
  if (loaders_.batch.empty()) return "There is no batch of a prepared loader to be kept.";
  std::string text = "The batch";
  if (const auto loader = loaders_.current())
    text += c10::str(", at ", loader->consumed, " of epoch ", loader->epoch, ",");
  const std::string stem = c10::str("step_", steps, "_rank_", process_.rank);
  std::string name = stem + ".safetensors";
  std::error_code error;
  // Steps are counted anew after a restart, whose cause it may be that lies there.
  for (int i = 2; std::filesystem::exists(std::filesystem::path(options_.folder) / name, error);
       ++i)
    name = c10::str(stem, "-", i, ".safetensors");
  try {
    internal::save_tensors({loaders_.batch.begin(), loaders_.batch.end()}, options_.folder, name);
    return text + " is in " + options_.folder + "/" + name + ".";
  } catch (const std::exception& error) {
    return text + " could not be kept: " + error.what() + ".";
  }
}

}  // namespace accelerate
