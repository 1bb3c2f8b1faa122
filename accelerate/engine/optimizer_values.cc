#include "accelerate/engine/optimizer_values.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <c10/util/Type.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/optimizer.h>
#include <torch/serialize.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "accelerate/optim/optimizer_registry.h"
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/state/bytes.h"
#include "accelerate/state/name_list.h"

namespace accelerate::internal {
namespace {

using torch::optim::Optimizer;
using Names = ModelSet::ParameterNames;

std::string kind_of(const Optimizer& optimizer) { return c10::demangle(typeid(optimizer).name()); }

// Of a parameter that is in no prepared model.
constexpr const char* kOwnValue = "value";

std::string name_of(const at::Tensor& parameter, const Names& names, size_t group, size_t place) {
  const auto found = names.find(parameter.unsafeGetTensorImpl());
  if (found != names.end()) return found->second;
  return c10::str("group_", group, "/parameter_", place);
}

// Calls with each parameter, its name and the index of its group.
template <class Function>
void for_each_parameter(const Optimizer& optimizer, const Names& names, Function&& function) {
  const auto& groups = optimizer.param_groups();
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto& parameters = groups[g].params();
    for (size_t i = 0; i < parameters.size(); ++i)
      function(parameters[i], name_of(parameters[i], names, g, i), g);
  }
}

std::string group_key(size_t group, std::string_view option) {
  return c10::str("group.", group, ".", option);
}

std::vector<std::set<std::string>> names_by_group(const Optimizer& optimizer, const Names& names) {
  std::vector<std::set<std::string>> groups(optimizer.param_groups().size());
  for_each_parameter(optimizer, names, [&](const at::Tensor&, const std::string& name, size_t g) {
    groups[g].insert(name);
  });
  return groups;
}

std::vector<std::string> missing_in(const std::set<std::string>& these,
                                    const std::set<std::string>& those) {
  std::vector<std::string> result;
  std::set_difference(these.begin(), these.end(), those.begin(), those.end(),
                      std::back_inserter(result));
  return result;
}

void list(std::ostream& out, const std::vector<std::string>& names) {
  for (const std::string& name : names) out << "\n  " << name;
}

// Of which sizes its parameters are in each group.
std::string form_of(const Optimizer& optimizer) {
  std::ostringstream form;
  for (const auto& group : optimizer.param_groups()) {
    form << "(";
    for (const at::Tensor& parameter : group.params()) form << parameter.sizes();
    form << ")";
  }
  return form.str();
}

// LBFGS makes room for numbers of each step of its history, and cannot write what is still empty.
void fill_history(const Optimizer& optimizer) {
  for (const auto& [parameter, state] : optimizer.state()) {
    auto* lbfgs = dynamic_cast<torch::optim::LBFGSParamState*>(state.get());
    if (lbfgs == nullptr || !lbfgs->al().has_value()) continue;
    for (at::Tensor& number : *lbfgs->al())
      if (!number.defined()) number = at::zeros({});
  }
}

at::Tensor archive_of(const Optimizer& optimizer) {
  const std::string name = kind_of(optimizer);
  torch::serialize::OutputArchive archive;
  std::ostringstream out;
  fill_history(optimizer);
  try {
    optimizer.save(archive);
    archive.save_to(out);
  } catch (const c10::Error& error) {
    TORCH_CHECK(
        false, "the state of the optimizer ", name,
        " cannot be saved, so it cannot be sent to other ranks: ", error.what_without_backtrace());
  }
  const std::string bytes = out.str();
  torch::serialize::InputArchive saved;
  saved.load_from(bytes.data(), bytes.size());
  TORCH_CHECK(
      !saved.keys().empty(), "the optimizer ", name,
      " has no save(), so its state would be lost; write its save() and load() like those of "
      "torch::optim::SGD");
  return tensor_of_bytes(bytes);
}

void load_archive(Optimizer& optimizer, const at::Tensor& archive) {
  std::optional<c10::Device> device;
  for (const auto& group : optimizer.param_groups()) {
    if (!group.params().empty()) device = group.params().front().device();
  }
  optimizer.state().clear();
  std::istringstream in(bytes_of_tensor(archive));
  torch::load(optimizer, in, device);
}

// In memory of the optimizer's own, as LibTorch would have made it for the parameter; where there
// is some already, in that.
void take_over(at::Tensor& own, const at::Tensor& saved, const at::Tensor& parameter,
               const CutOf& cut_of) {
  if (at::Tensor cut = cut_of(saved, parameter); cut.defined()) {
    own = std::move(cut);
    return;
  }
  if (own.defined() && own.is_same(saved)) return;
  const bool fits = own.defined() && !is_cut(own) && own.sizes() == saved.sizes() &&
                    own.scalar_type() == saved.scalar_type() && own.device() == parameter.device();
  if (!fits) {
    const auto options = parameter.options().dtype(saved.scalar_type());
    own = saved.sizes() == parameter.sizes() ? at::empty_like(parameter, options)
                                             : at::empty(saved.sizes(), options);
    own.requires_grad_(false);
  }
  own.copy_(saved);
}

void save_own_value(State& state, const at::Tensor& parameter, const std::string& name,
                    const Names& names) {
  if (!names.contains(parameter.unsafeGetTensorImpl()))
    state.set(c10::str("state.", name, ".", kOwnValue), parameter.detach());
}

void load_own_value(const at::Tensor& parameter, const State& saved) {
  if (saved.contains(kOwnValue)) parameter.detach().copy_(saved.tensor(kOwnValue));
}

void load_parameter(const RegisteredOptimizer& known, Optimizer& optimizer,
                    const at::Tensor& parameter, const State& saved, const CutOf& cut_of) {
  load_own_value(parameter, saved);
  auto& states = optimizer.state();
  const auto place = states.find(parameter.unsafeGetTensorImpl());
  auto made = known.make_state();
  const auto arrays = known.arrays(*made);
  // By its own names, since those of a parameter below it are in `saved` as well.
  const bool is_kept =
      saved.contains("step") || std::any_of(arrays.begin(), arrays.end(), [&](const auto& array) {
        return saved.contains(std::string(array.name));
      });
  if (!is_kept) {
    if (place != states.end()) states.erase(place);
    return;
  }
  auto& own = states[parameter.unsafeGetTensorImpl()];
  if (!own) own = std::move(made);
  for (const NamedArray& array : known.arrays(*own)) {
    const std::string name(array.name);
    if (saved.contains(name)) {
      take_over(*array.tensor, saved.tensor(name), parameter, cut_of);
    } else {
      *array.tensor = at::Tensor();
    }
  }
  if (known.steps(*own)) known.set_steps(*own, saved.tensor("step").item<int64_t>());
}

// Whether the state has such a tensor.
bool is_count(const State& state, const std::string& name) {
  const auto found = state.values().find(name);
  if (found == state.values().end()) return false;
  const auto* tensor = std::get_if<at::Tensor>(&found->second);
  return tensor != nullptr && tensor->numel() == 1 && tensor->scalar_type() == at::kLong &&
         tensor->item<int64_t>() >= 0;
}

// Throws c10::Error where one of a group's options is saved as something else.
void check_options(const State& state, const RegisteredOptimizer& known, const Optimizer& optimizer,
                   size_t group) {
  const auto options = optimizer.param_groups()[group].options().clone();
  for (const NamedOption& option : known.options(*options)) {
    const std::string key = group_key(group, option.name);
    if (!state.contains(key)) continue;
    if (std::holds_alternative<double*>(option.value)) {
      TORCH_CHECK(std::isfinite(state.number(key)), "`", key, "` of the state is ",
                  state.number(key), "; take a state that was saved");
    } else {
      state.integer(key);
    }
  }
}

}  // namespace

State save_optimizer(Optimizer& optimizer, const Names& names) {
  State state;
  state.set("kind", kind_of(optimizer));
  const RegisteredOptimizer* known = find_registered(optimizer);
  if (known == nullptr) {
    state.set("form", form_of(optimizer));
    state.set(kArchiveName, archive_of(optimizer));
    for_each_parameter(optimizer, names,
                       [&](const at::Tensor& parameter, const std::string& name, size_t) {
                         save_own_value(state, parameter, name, names);
                       });
    return state;
  }
  auto& groups = optimizer.param_groups();
  state.set("groups", static_cast<int64_t>(groups.size()));
  std::vector<std::vector<std::string>> parameters(groups.size());
  for_each_parameter(
      optimizer, names, [&](const at::Tensor& parameter, const std::string& name, size_t group) {
        parameters[group].push_back(name);
        save_own_value(state, parameter, name, names);
        const auto found = optimizer.state().find(parameter.unsafeGetTensorImpl());
        if (found == optimizer.state().end()) return;
        for (const NamedArray& array : known->arrays(*found->second))
          if (array.tensor->defined())
            state.set(c10::str("state.", name, ".", array.name), array.tensor->detach());
        if (const auto steps = known->steps(*found->second))
          state.set(c10::str("state.", name, ".step"), at::scalar_tensor(*steps, at::kLong));
      });
  for (size_t g = 0; g < groups.size(); ++g) {
    state.set(group_key(g, "parameters"), text_of_names(parameters[g]));
    for (const NamedOption& option : known->options(groups[g].options())) {
      if (const auto* number = std::get_if<double*>(&option.value)) {
        state.set(group_key(g, option.name), **number);
      } else {
        state.set(group_key(g, option.name), int64_t{*std::get<bool*>(option.value)});
      }
    }
  }
  return state;
}

void check_fits(const State& state, const Optimizer& optimizer, const Names& names, size_t index) {
  const std::string own = kind_of(optimizer);
  const std::string& saved = state.text("kind");
  TORCH_CHECK(saved == own, "optimizer ", index, " of the state is ", saved,
              ", and the one that was prepared is ", own, "; load the state of the same optimizer");
  const RegisteredOptimizer* known = find_registered(optimizer);
  if (known == nullptr) {
    TORCH_CHECK(state.text("form") == form_of(optimizer), "optimizer ", index,
                " of the state has parameters of the sizes ", state.text("form"),
                ", and the one that was prepared ", form_of(optimizer),
                "; load the state of the same optimizer");
    std::istringstream in(bytes_of_tensor(state.tensor(kArchiveName)));
    torch::serialize::InputArchive archive;
    archive.load_from(in);
    return;
  }
  const auto groups = names_by_group(optimizer, names);
  TORCH_CHECK(state.integer("groups") == static_cast<int64_t>(groups.size()), "optimizer ", index,
              " of the state has ", state.integer("groups"),
              " groups of parameters, and the one that was prepared ", groups.size(),
              "; load the state of the same optimizer");
  std::ostringstream problems;
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto listed = names_in(state.text(group_key(g, "parameters")));
    const std::set<std::string> there(listed.begin(), listed.end());
    const auto missing = missing_in(groups[g], there), unexpected = missing_in(there, groups[g]);
    if (missing.empty() && unexpected.empty()) continue;
    problems << "\nGroup " << g << " of optimizer " << index;
    if (!missing.empty()) {
      problems << " has parameters that the state does not have:";
      list(problems, missing);
    }
    if (!unexpected.empty()) {
      problems << (missing.empty() ? " lacks parameters that the state has:"
                                   : "\nand lacks parameters that the state has:");
      list(problems, unexpected);
    }
  }
  for (size_t g = 0; g < groups.size(); ++g) check_options(state, *known, optimizer, g);
  const bool counts_steps = known->steps(*known->make_state()).has_value();
  for_each_parameter(
      optimizer, names, [&](const at::Tensor& parameter, const std::string& name, size_t) {
        const State kept = state.part("state." + name);
        bool has_stepped = false;
        for (const auto& [array, value] : kept.values()) {
          if (array.find('.') != std::string::npos) continue;
          const auto* tensor = std::get_if<at::Tensor>(&value);
          if (tensor == nullptr) {
            problems << "\n`" << array << "` of " << name << " is not a tensor";
            continue;
          }
          has_stepped = has_stepped || array != kOwnValue;
          if (array == "step") continue;
          if (!tensor->is_floating_point() && !tensor->is_complex())
            problems << "\n`" << array << "` of " << name << " is of type "
                     << tensor->scalar_type();
          if (tensor->sizes() != parameter.sizes())
            problems << "\n`" << array << "` of " << name << " is of the sizes " << tensor->sizes()
                     << ", and the parameter of " << parameter.sizes();
        }
        if (counts_steps && has_stepped && !is_count(kept, "step"))
          problems << "\n`step` of " << name << " is missing, or is not a number that is 0 or more";
      });
  TORCH_CHECK(problems.str().empty(),
              "the state is of an optimizer of other parameters; load the state of the same one.",
              problems.str());
}

void load_optimizer(Optimizer& optimizer, const State& state, const Names& names,
                    const CutOf& cut_of) {
  c10::AutoGradMode no_grad(false);
  const RegisteredOptimizer* known = find_registered(optimizer);
  if (known == nullptr) {
    for_each_parameter(optimizer, names,
                       [&](const at::Tensor& parameter, const std::string& name, size_t) {
                         load_own_value(parameter, state.part("state." + name));
                       });
    return load_archive(optimizer, state.tensor(kArchiveName));
  }
  for_each_parameter(
      optimizer, names, [&](const at::Tensor& parameter, const std::string& name, size_t) {
        load_parameter(*known, optimizer, parameter, state.part("state." + name), cut_of);
      });
  auto& groups = optimizer.param_groups();
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const NamedOption& option : known->options(groups[g].options())) {
      const std::string key = group_key(g, option.name);
      if (!state.contains(key)) continue;
      if (const auto* number = std::get_if<double*>(&option.value)) {
        **number = state.number(key);
      } else {
        *std::get<bool*>(option.value) = state.integer(key) != 0;
      }
    }
  }
}

}  // namespace accelerate::internal
