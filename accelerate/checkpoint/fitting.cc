#include "accelerate/checkpoint/fitting.h"

#include <c10/util/Exception.h>

#include "accelerate/checkpoint/run_states.h"
#include "accelerate/checkpoint/tensor_difference.h"
#include "accelerate/state/name_list.h"

namespace accelerate::internal {
namespace {

// The first model's tensors have no number before their names for people.
std::string shown(const std::string& name) {
  const size_t dot = name.find('.');
  const std::string index = name.substr(0, dot), rest = name.substr(dot + 1);
  return index == "0" ? rest : c10::str(rest, " of model ", index);
}

// How many models, optimizers, schedules or loaders a state has.
size_t count_of(const State& state) {
  std::set<std::string> indices;
  for (const auto& [name, value] : state.values()) indices.insert(name.substr(0, name.find('.')));
  return indices.size();
}

}  // namespace

void Fitting::fit_models(State& saved, const State& own) {
  const TensorDifference difference = difference_of(saved, own, shown);
  problems_ += listed("of another shape or type:", difference.unlike);
  if (options_.strict) {
    problems_ += listed("missing in the checkpoint:", difference.missing);
    problems_ += listed("not in the program:", difference.unexpected);
  } else {
    report_.missing = difference.missing;
    report_.unexpected = difference.unexpected;
  }
  if (!problems_.empty()) return;
  State fit;
  for (const auto& [name, value] : own.values()) {
    const auto& mine = std::get<at::Tensor>(value);
    fit.set(name, saved.contains(name) ? saved.tensor(name).to(mine.scalar_type()) : mine);
  }
  saved = fit;
}

void Fitting::fit_count(const std::string& part, const State& saved, const State& own) {
  const size_t there = count_of(saved), here = count_of(own);
  if (there == here) return;
  const std::string counts =
      c10::str(part, ": the checkpoint has ", there, ", but the program has prepared ", here);
  if (options_.strict) {
    problems_ += "\n" + counts + "; load after everything is prepared";
    left_out_parts_.insert(part);
    return;
  }
  // The first ones are those that are there on both sides.
  (there < here ? report_.missing : report_.unexpected).push_back(counts);
  if (there < here) left_out_parts_.insert(part);
}

// The parameters of each group become those that the program has; what the optimizers keep of
// others is left out by that.
void Fitting::fit_groups(State& saved, const State& own) {
  std::set<std::string> theirs, mine;
  for (const auto& [name, value] : own.values()) {
    if (!name.ends_with(".parameters") || !std::holds_alternative<std::string>(value)) continue;
    for (const std::string& each : names_in(std::get<std::string>(value))) mine.insert(each);
    if (!saved.contains(name)) continue;
    for (const std::string& each : names_in(saved.text(name))) theirs.insert(each);
    saved.set(name, value);
  }
  for (const std::string& name : mine)
    if (!theirs.contains(name)) report_.missing.push_back("optimizer state of " + name);
  for (const std::string& name : theirs)
    if (!mine.contains(name)) report_.unexpected.push_back("optimizer state of " + name);
}

void Fitting::check(const std::string& name, Stateful& part, const State& saved) {
  try {
    part.check(saved);
  } catch (const c10::Error& error) {
    problems_ += c10::str("\n", name, ": ", error.what_without_backtrace());
  }
}

void Fitting::check_own(const std::string& name, Stateful& part, const Document& loaded,
                        const std::string& key) {
  if (rank_ >= static_cast<int>(loaded.ranks.size())) return;
  if (const State* own = loaded.own(rank_, key)) {
    check(name, part, *own);
  } else {
    problems_ += c10::str("\n", name, ": the checkpoint has none for rank ", rank_);
  }
}

void Fitting::fit_parts(const std::vector<Stateful*>& parts, Document& loaded) {
  for (Stateful* part : parts) {
    const std::string name(part->state_name());
    State& saved = loaded.shared[name];
    if (name == kModelsPart) {
      fit_models(saved, part->save());
      continue;
    }
    if (name == kOptimizersPart || name == kLoadersPart || name == "schedules") {
      const State own = part->save();
      fit_count(name, saved, own);
      if (name == kOptimizersPart && !options_.strict) fit_groups(saved, own);
    } else if (saved.values().empty() && part->is_equal_on_all_ranks()) {
      // A loss scale, in a precision that had none: it begins anew.
      left_out_parts_.insert(name);
    }
    if (leaves_out_part(name)) continue;
    if (part->is_equal_on_all_ranks() || name == kLoadersPart) {
      check(name, *part, saved);
    } else if (name == kGeneratorsPart || loaded.own(rank_, name) != nullptr) {
      check_own(name, *part, loaded, name);
    }
  }
}

void Fitting::fit_objects(const std::vector<std::unique_ptr<Stateful>>& objects,
                          const Document& loaded) {
  const std::set<std::string> there(loaded.objects.begin(), loaded.objects.end());
  std::set<std::string> here;
  const auto part = loaded.shared.find(kObjectsPart);
  const State shared = part == loaded.shared.end() ? State() : part->second;
  for (const auto& object : objects) {
    const std::string name(object->state_name());
    here.insert(name);
    const bool of_each = loaded.ranks[0].contains(own_part(*object));
    const bool is_otherwise = there.contains(name) && of_each == object->is_equal_on_all_ranks();
    if (!there.contains(name) || is_otherwise) {
      left_out_objects_.insert(name);
      if (options_.strict) {
        problems_ += c10::str("\nmissing in the checkpoint: the object `", name, "`",
                              is_otherwise ? ", which was saved with another of_each_rank" : "");
      } else {
        report_.missing.push_back("the object " + name);
      }
    } else if (object->is_equal_on_all_ranks()) {
      check(name, *object, shared.part(name));
    } else {
      check_own(name, *object, loaded, own_part(*object));
    }
  }
  for (const std::string& name : there) {
    if (here.contains(name)) continue;
    if (options_.strict) {
      problems_ += c10::str("\nnot in the program: the object `", name,
                            "`; register it before the state is loaded");
    } else {
      report_.unexpected.push_back("the object " + name);
    }
  }
}

}  // namespace accelerate::internal
