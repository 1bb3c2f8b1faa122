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
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/watch/operator_log.h"

namespace accelerate {
namespace {

using internal::FoundOperator;
using internal::FoundOperators;
using internal::is_finite;

constexpr size_t kMostNames = 4;
constexpr size_t kMostRanks = 4;
// Where no step ends.
constexpr size_t kMostLosses = 1'000;
// A program may catch the exception in each step.
constexpr int kMostBatches = 10;

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
  return module.empty() ? " after the use of the parameter `" + found.parameter + "`"
                        : " after the module `" + module + "`";
}

// "`aten::log` in the forward pass, after the module `0`".
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

// Names of tensors by the worst that they hold: NaN, or else infinity, which may be meant, as in a
// mask.
struct NotFinite {
  void look_at(const std::string& name, const at::Tensor& tensor) {
    const auto extremes = internal::extremes_of(tensor);
    if (!extremes) return;
    if (extremes->has_nan()) {
      nan.push_back(name);
    } else if (extremes->has_infinity()) {
      infinity.push_back(name);
    }
  }
  std::vector<std::string> nan, infinity;
};

// For the middle of a sentence: without a backtrace, and without what ends it.
std::string reason_of(const std::exception& error) {
  const auto* libtorchs = dynamic_cast<const c10::Error*>(&error);
  std::string text = libtorchs != nullptr ? libtorchs->what_without_backtrace() : error.what();
  text.erase(text.find_last_not_of(" .\n") + 1);
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
  TORCH_CHECK(!options.folder.empty(),
              "watch(): the folder has no name; give it one, such as \"watch\"");
  if (!options.non_finite) operators_.reset();
  if (options.non_finite && operators_ == nullptr)
    operators_ = std::make_unique<internal::OperatorLog>();
  if (options.folder != options_.folder) num_kept_batches_ = 0;
  options_ = options;
  is_on_ = options.non_finite || options.norms;
  has_warned_ = has_warned_of_loss_ = false;
  losses_.clear();
  loaders_.keeps_batch = options.non_finite;
  if (!options.non_finite) loaders_.forget_batches();
}

void Watch::before_backward(const at::Tensor& loss) {
  if (losses_.size() == kMostLosses)
    losses_.erase(losses_.begin(), losses_.begin() + kMostLosses / 2);
  losses_.push_back(loss.detach());
}

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
    if (operators_ != nullptr && !step.keeps_graph) operators_->clear();
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
  std::vector<std::string> bad;
  // Gradients may be finite where their norm is too large for its type.
  if (!std::isfinite(step.norm_of(tensors_of(step.parameters)).item<double>())) {
    bool are_losses_finite = is_loss_finite;
    if (step.are_of_all_ranks)
      are_losses_finite =
          communicator_.all_reduce_numbers({is_loss_finite}, ReduceOp::kMin)[0] != 0;
    // An overflow, which lowers the scale. One that even gradients without a scale have will not
    // end.
    if (are_losses_finite && step.loss_scale.defined() && step.loss_scale.item<double>() >= 1)
      return;
    if (has_warned_ && !step.are_of_all_ranks) return;
    bad = bad_gradients(step);
  }
  if (bad.empty()) {
    if (is_loss_finite || std::exchange(has_warned_of_loss_, true)) return;
    // The other ranks do not know of it, and no weight suffers.
    TORCH_WARN("watch(): ", when(step),
               ", the loss is not finite although all gradients are, so the step is taken. ",
               cause_of(step, losses).text, " ", save_batch(step.steps));
    return;
  }
  const std::string text = say(step, bad, cause_of(step, losses));
  if (options_.action == WatchAction::kThrow) {
    operators_->clear();
    losses_.clear();
    throw NonFiniteError(text +
                         "\nNo optimizer has stepped with them, so the weights have not changed.");
  }
  if (process_.is_main() || !step.are_of_all_ranks)
    TORCH_WARN(text, "\nThe step is taken anyway, and later steps are not checked.");
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
  const auto add_what_holds = [&add](const std::string& owner, const NotFinite& found) {
    if (!found.nan.empty()) add(owner + " NaN (" + list_of(found.nan) + ").", Cause::kCertain);
    if (!found.infinity.empty())
      add(owner + " infinity (" + list_of(found.infinity) + ").", Cause::kInfinity);
  };
  NotFinite in_batch, in_parameters, in_frozen, in_buffers;
  if (const ActiveLoaders::KeptBatch* batch = loaders_.kept_batch())
    for (const auto& [name, tensor] : batch->tensors) in_batch.look_at(name, tensor);
  add_what_holds("The batch itself has", in_batch);
  for (const NamedParameter& parameter : step.parameters)
    (parameter.tensor.requires_grad() ? in_parameters : in_frozen)
        .look_at(parameter.name, parameter.tensor);
  add_what_holds("The model has parameters with", in_parameters);
  // That may be a mask.
  in_frozen.infinity.clear();
  add_what_holds("The model has frozen parameters with", in_frozen);
  for (const NamedParameter& buffer : step.buffers())
    in_buffers.look_at(buffer.name, buffer.tensor);
  // They may have come from another rank, and blame nobody.
  if (!in_buffers.nan.empty())
    add("Buffers of the model hold NaN now (" + list_of(in_buffers.nan) +
            "): if they did not before, load a checkpoint before you continue.",
        Cause::kNone);
  const FoundOperators found = operators_->find(step.parameters);
  if (found.nan) add("The first NaN came out of " + text_of(*found.nan) + ".", Cause::kCertain);
  if (found.infinity)
    add((found.nan ? "Before that, the first infinity came out of "
                   : "The first infinity came out of ") +
            text_of(*found.infinity) + ".",
        Cause::kInfinity);
  if (found.is_cut)
    add(c10::str("Only the last operators of the step are known, because it had more than ",
                 internal::OperatorLog::kMostOperators, "; an earlier one may be the cause."),
        Cause::kNone);
  return cause;
}

std::vector<std::string> Watch::from_all(const StepGradients& step, const std::string& own) {
  return step.are_of_all_ranks ? communicator_.all_gather_bytes(own) : std::vector{own};
}

std::vector<std::string> Watch::bad_gradients(const StepGradients& step) {
  // A letter for each parameter, as ranks may have different parts of the gradients.
  std::string own;
  for (const NamedParameter& parameter : step.parameters)
    own += is_finite(own_part(parameter.tensor.grad())) ? ' ' : 'x';
  const std::vector<std::string> letters = from_all(step, own);
  std::vector<std::string> bad;
  for (size_t i = 0; i < step.parameters.size(); ++i) {
    const bool is_bad = std::any_of(letters.begin(), letters.end(),
                                    [i](const std::string& each) { return each[i] == 'x'; });
    if (is_bad) bad.push_back(step.parameters[i].name);
  }
  return bad;
}

std::string Watch::say(const StepGradients& step, const std::vector<std::string>& bad,
                       const Cause& cause) {
  std::string text =
      c10::str("watch(): ", when(step), ", the gradients of ", list_of(bad), " are not finite.");
  const std::vector<std::string> causes = from_all(step, std::string(1, cause.weight) + cause.text);
  char weight = Cause::kNone;
  for (const std::string& each : causes) weight = std::max(weight, each[0]);
  // Those that have it from others say nothing. All have their batch there before any rank throws.
  const std::vector<std::string> batches =
      from_all(step, cause.weight == weight ? save_batch(step.steps) : "");
  if (weight == Cause::kNone)
    text +=
        " No LibTorch operator was seen to compute NaN or infinity here; a kernel that is not an "
        "operator, or a hook, may have.";
  if (weight != Cause::kCertain && !step.are_of_all_ranks && communicator_.size() > 1)
    text += " They may also have come from another rank, through the mean of the gradients.";
  size_t told = 0;
  for (size_t rank = 0; rank < causes.size(); ++rank) {
    if (causes[rank][0] != weight || ++told > kMostRanks) continue;
    text += causes.size() > 1 ? c10::str("\nRank ", rank, ": ") : " ";
    text += causes[rank].substr(1);
    text += (causes[rank].size() > 1 ? " " : "") + batches[rank];
  }
  if (told > kMostRanks)
    text += c10::str("\nThe same holds for ", told - kMostRanks, " more ranks.");
  return text;
}

std::string Watch::save_batch(int64_t steps) {
  const ActiveLoaders::KeptBatch* batch = loaders_.kept_batch();
  if (batch == nullptr || batch->tensors.empty())
    return "There is no batch of a prepared loader to save.";
  const LoaderProgress& place = batch->progress;
  const std::string text = c10::str("The batch, at ", place.consumed, " of epoch ", place.epoch);
  if (num_kept_batches_ == kMostBatches)
    return c10::str(text, ", is not saved: this rank has saved ", kMostBatches, " already.");
  const std::string stem = c10::str("step_", steps, "_rank_", process_.rank);
  std::string name = stem + ".safetensors";
  std::error_code error;
  // Steps are counted anew after a restart, whose cause it may be that lies there.
  for (int i = 2; std::filesystem::exists(std::filesystem::path(options_.folder) / name, error);
       ++i)
    name = c10::str(stem, "-", i, ".safetensors");
  try {
    internal::save_tensors({batch->tensors.begin(), batch->tensors.end()}, options_.folder, name);
    ++num_kept_batches_;
    return text + ", is in " + options_.folder + "/" + name + ".";
  } catch (const std::exception& error) {
    return text + ", could not be saved: " + reason_of(error) + ".";
  }
}

}  // namespace accelerate
