// How a Checkpointer brings a run back.
#include <c10/util/Exception.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <utility>

#include "accelerate/checkpoint/checkpointer.h"
#include "accelerate/checkpoint/run_states.h"
#include "accelerate/checkpoint/save_job.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/process/seed.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/verify.h"

namespace accelerate {
namespace {

using checkpoints::Commit;
using internal::RunState;

// What a checkpoint is known by on all machines.
std::string key_of(const checkpoints::FoundCheckpoint& found) {
  return c10::str(*found.number, " ", found.commit->id);
}

// The parts of a text that `end` stands behind.
std::vector<std::string> split(const std::string& text, char end) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, end);) parts.push_back(part);
  return parts;
}

// This rank's share of the extents, so that the ranks of a machine have read all of them.
std::string verify_share(const std::string& path, const Commit& commit,
                         const ProcessInfo& process) {
  absl::Status status = checkpoints::verify_sizes(path, commit);
  int turn = 0;
  for (const auto& file : commit.files) {
    for (const auto& extent : file.extents) {
      if (!status.ok()) return std::string(status.message());
      if (turn++ % process.local_world_size == process.local_rank)
        status = checkpoints::verify_extent(path, file, extent);
    }
  }
  return std::string(status.message());
}

// The first model's tensors have no number before their names for people.
std::string shown(const std::string& name) {
  const size_t dot = name.find('.');
  const std::string index = name.substr(0, dot), rest = name.substr(dot + 1);
  return index == "0" ? rest : c10::str(rest, " of model ", index);
}

struct Difference {
  std::vector<std::string> missing, unexpected, unlike;
};

// Of the tensors of the models. What is of another floating type in the file is converted.
Difference fit_models(State& saved, const State& own) {
  Difference difference;
  for (const auto& [name, value] : own.values()) {
    const auto& mine = std::get<at::Tensor>(value);
    const auto found = saved.values().find(name);
    if (found == saved.values().end()) {
      difference.missing.push_back(name);
      continue;
    }
    const auto& theirs = std::get<at::Tensor>(found->second);
    const bool converts = theirs.is_floating_point() && mine.is_floating_point();
    if (theirs.sizes() != mine.sizes() ||
        (theirs.scalar_type() != mine.scalar_type() && !converts)) {
      difference.unlike.push_back(
          c10::str(shown(name), " is ", theirs.scalar_type(), " of the sizes ", theirs.sizes(),
                   ", and that of the program ", mine.scalar_type(), " of ", mine.sizes()));
    } else if (theirs.scalar_type() != mine.scalar_type()) {
      saved.set(name, theirs.to(mine.scalar_type()));
    }
  }
  for (const auto& [name, value] : saved.values())
    if (!own.contains(name)) difference.unexpected.push_back(name);
  return difference;
}

void list(std::ostream& out, const char* title, const std::vector<std::string>& names) {
  if (names.empty()) return;
  out << "\n" << title;
  for (const std::string& name : names) out << "\n  " << name;
}

// Without what only one side has.
State common_models(const State& saved, const State& own) {
  State result;
  for (const auto& [name, value] : own.values())
    result.set(name, saved.contains(name) ? saved.values().at(name) : value);
  return result;
}

// The parameters of each group as the program has them; what the optimizers keep of others is left
// out by that.
void adopt_groups(State& saved, const State& own, LoadReport& report) {
  std::set<std::string> theirs, mine;
  for (const auto& [name, value] : own.values()) {
    if (!name.ends_with(".parameters") || !std::holds_alternative<std::string>(value)) continue;
    for (auto& each : split(std::get<std::string>(value), '\0')) mine.insert(each);
    if (!saved.contains(name)) continue;
    for (auto& each : split(saved.text(name), '\0')) theirs.insert(each);
    saved.set(name, value);
  }
  for (const std::string& name : mine)
    if (!theirs.contains(name)) report.missing.push_back("optimizer state of " + name);
  for (const std::string& name : theirs)
    if (!mine.contains(name)) report.unexpected.push_back("optimizer state of " + name);
}

// How many models, optimizers, schedules or loaders a state has.
size_t count_of(const State& state) {
  std::set<std::string> indices;
  for (const auto& [name, value] : state.values()) indices.insert(name.substr(0, name.find('.')));
  return indices.size();
}

}  // namespace

struct Checkpointer::Loaded {
  RunState shared;
  // Of each rank of the run that was saved.
  std::vector<RunState> ranks;
  // Parts and objects that are left as they are.
  std::set<std::string> left_out_parts, left_out_objects;
};

std::optional<std::string> Checkpointer::newest_whole() {
  const std::string what = "resume(" + options_.folder + ")";
  std::map<std::string, checkpoints::FoundCheckpoint> whole;
  std::string failure, own, remarks;
  const auto found = checkpoints::find_checkpoints(options_.folder);
  if (found.ok()) {
    for (const auto& each : *found) {
      if (each.number && each.commit) {
        own += key_of(each) + "\n";
        whole.emplace(key_of(each), each);
      } else if (each.number) {
        remarks += c10::str("\n", each.path, ": ", each.fault);
      }
    }
  } else if (!absl::IsNotFound(found.status())) {
    failure = std::string(found.status().message());
  }
  agree(what, failure);
  // Those that every rank has.
  std::map<std::string, int> counts;
  for (const std::string& text : exchange(what, own))
    for (const std::string& key : split(text, '\n')) ++counts[key];
  std::vector<std::pair<int64_t, std::string>> candidates;
  for (const auto& [key, count] : counts) {
    const int64_t number = std::stoll(key);
    if (count == run_.communicator->size()) {
      candidates.emplace_back(number, key);
    } else {
      remarks += c10::str("\n", checkpoints::checkpoint_path(options_.folder, number), ": only ",
                          count, " of ", run_.communicator->size(), " ranks see it");
    }
  }
  std::sort(candidates.rbegin(), candidates.rend());
  const bool says = run_.process.is_local_main();
  for (const auto& [number, key] : candidates) {
    const auto& candidate = whole.at(key);
    const std::vector<std::string> failures =
        exchange(what, verify_share(candidate.path, *candidate.commit, run_.process));
    std::string damage;
    for (const std::string& each : failures)
      if (damage.empty()) damage = each;
    if (damage.empty()) {
      if (says && !remarks.empty())
        TORCH_WARN("not all that is in ", options_.folder, " is whole, and ", candidate.path,
                   " is the newest that is:", remarks);
      return candidate.path;
    }
    remarks += c10::str("\n", candidate.path, ": ", damage);
    damaged_.insert(candidate.path);
  }
  // To begin anew beside them would in the end remove them.
  TORCH_CHECK(counts.empty(), "there are checkpoints in ", options_.folder,
              ", and none that is whole for all ranks:", remarks,
              "\nBring what is missing to all machines, or remove them to begin anew");
  if (says && !remarks.empty())
    TORCH_WARN("there is nothing whole to go on from in ", options_.folder, ":", remarks);
  return std::nullopt;
}

bool Checkpointer::resume(const LoadOptions& options) {
  refuse_recording("that the run is resumed");
  TORCH_CHECK(!options_.folder.empty(),
              "resume() has no folder; give the Accelerator one, as in "
              "ACCELERATE_MAIN(train, {.checkpoints = {.folder = \"run1\"}})");
  wait();
  on_all_ranks("resume(" + options_.folder + ")", [this] {
    run_.before_load();
    lock_folder();
  });
  const std::optional<std::string> path = newest_whole();
  if (!path) return false;
  load_from(*path, options);
  if (run_.process.is_main())
    std::clog << "resumed from " << *path << ": epoch " << progress_.epoch << ", step "
              << progress_.step << std::endl;
  return true;
}

LoadReport Checkpointer::load(const std::string& path, const LoadOptions& options) {
  refuse_recording("that a state is loaded");
  wait();
  const std::string what = "load_state(" + path + ")";
  on_all_ranks(what, run_.before_load);
  if (!path.empty()) {
    std::string failure, id;
    const auto found = checkpoints::find_checkpoint(path);
    if (!found.ok()) failure = std::string(found.status().message());
    if (found.ok() && !found->commit) failure = c10::str(path, ": ", found->fault);
    if (failure.empty()) failure = verify_share(path, *found->commit, run_.process);
    agree(what, failure);
    const std::vector<std::string> ids = exchange(what, found->commit->id);
    for (size_t rank = 1; rank < ids.size(); ++rank)
      TORCH_CHECK(ids[rank] == ids[0], path, " is another checkpoint for rank ", rank,
                  " than for rank 0; copy one to all machines");
    return load_from(path, options);
  }
  TORCH_CHECK(!options_.folder.empty(),
              "load_state() has no folder; give it a path, or the Accelerator a folder for "
              "checkpoints");
  const std::optional<std::string> newest = newest_whole();
  TORCH_CHECK(newest, "load_state(): there is no whole checkpoint in ", options_.folder);
  return load_from(*newest, options);
}

std::string Checkpointer::misfits(const std::vector<Stateful*>& parts, const LoadOptions& options,
                                  const std::vector<std::string>& saved_objects, Loaded& loaded,
                                  LoadReport& report) {
  std::ostringstream problems;
  for (Stateful* part : parts) {
    const std::string name(part->state_name());
    State& saved = loaded.shared[name];
    if (name == internal::kModelsPart) {
      const State own = part->save();
      Difference difference = fit_models(saved, own);
      for (auto* names : {&difference.missing, &difference.unexpected})
        std::transform(names->begin(), names->end(), names->begin(), shown);
      list(problems, "of another form:", difference.unlike);
      if (options.strict) {
        list(problems, "missing in the checkpoint:", difference.missing);
        list(problems, "not in the program:", difference.unexpected);
      } else {
        saved = common_models(saved, own);
        report.missing = difference.missing;
        report.unexpected = difference.unexpected;
      }
      continue;
    }
    const bool is_counted =
        name == internal::kOptimizersPart || name == internal::kLoadersPart || name == "schedules";
    if (is_counted) {
      const State own = part->save();
      if (const size_t there = count_of(saved), here = count_of(own); there != here) {
        const std::string counts =
            c10::str(name, ": the checkpoint has ", there, ", and the program has prepared ", here);
        if (options.strict) {
          problems << "\n" << counts << "; load when all is prepared";
          continue;
        }
        // The first ones are those that are there on both sides.
        (there < here ? report.missing : report.unexpected).push_back(counts);
        if (there < here) loaded.left_out_parts.insert(name);
      }
      if (name == internal::kOptimizersPart && !options.strict) adopt_groups(saved, own, report);
    } else if (saved.values().empty() && part->is_equal_on_all_ranks()) {
      // A loss scale, in a precision that had none: it begins anew.
      loaded.left_out_parts.insert(name);
    }
    if (loaded.left_out_parts.contains(name) || !loaded.shared.contains(name)) continue;
    if (!part->is_equal_on_all_ranks() && name != internal::kLoadersPart) continue;
    try {
      part->check(saved);
    } catch (const c10::Error& error) {
      problems << "\n" << error.what_without_backtrace();
    }
  }
  std::set<std::string> there(saved_objects.begin(), saved_objects.end()), here;
  const State shared = loaded.shared[internal::kObjectsPart];
  for (const auto& object : objects_) {
    const std::string name(object->state_name());
    here.insert(name);
    const bool of_each = loaded.ranks.empty() ||
                         loaded.ranks[0].contains(c10::str(internal::kObjectsPart, ".", name));
    if (!there.contains(name) || of_each == object->is_equal_on_all_ranks()) {
      loaded.left_out_objects.insert(name);
      if (options.strict) {
        problems << "\nmissing in the checkpoint: the object `" << name << "`"
                 << (there.contains(name) ? ", which is there of_each_rank and not for all, or the "
                                            "other way round"
                                          : "");
      } else {
        report.missing.push_back("the object " + name);
      }
    } else if (object->is_equal_on_all_ranks()) {
      try {
        object->check(shared.part(name));
      } catch (const c10::Error& error) {
        problems << "\n" << error.what_without_backtrace();
      }
    }
  }
  for (const std::string& name : there) {
    if (here.contains(name)) continue;
    if (options.strict) {
      problems << "\nnot in the program: the object `" << name
               << "`; register it before the state is loaded";
    } else {
      report.unexpected.push_back("the object " + name);
    }
  }
  return problems.str();
}

LoadReport Checkpointer::load_from(const std::string& path, const LoadOptions& options) {
  const std::string what = "load_state(" + path + ")";
  LoadReport report;
  Loaded loaded;
  const auto parts = run_.parts();
  std::string id;
  // All that can be found wrong is, before anything changes.
  on_all_ranks(what, [&] {
    run_hooks(/*is_for_save=*/false, path);
    const auto commit = checkpoints::read_commit(path);
    TORCH_CHECK(commit.ok(), std::string(commit.status().message()));
    id = commit->id;
    std::vector<std::string> files;
    for (const auto& file : commit->files) files.push_back(file.name);
    const nlohmann::json document = internal::read_document(path);
    loaded.shared = internal::shared_of(document);
    loaded.ranks = internal::ranks_of(document);
    internal::read_tensors(path, files, loaded.shared);
    const std::string problems =
        misfits(parts, options, internal::objects_of(document), loaded, report);
    TORCH_CHECK(problems.empty(), path, " does not fit this program.", problems,
                "\nLoad the checkpoint of this program",
                options.strict ? ", or take what fits by {.strict = false}" : "");
  });

  const size_t rank = run_.process.rank;
  on_all_ranks(what, [&] {
    for (Stateful* part : parts) {
      const std::string name(part->state_name());
      if (loaded.left_out_parts.contains(name)) continue;
      if (part->is_equal_on_all_ranks() || name == internal::kLoadersPart) {
        part->load(loaded.shared[name]);
      } else if (rank < loaded.ranks.size()) {
        part->load(loaded.ranks[rank][name]);
      } else {
        // A rank that was not there draws numbers that nobody else draws.
        seed_generators(std::stoull(id, nullptr, 16), static_cast<int>(rank),
                        {.device_specific = true});
      }
    }
    const State objects = loaded.shared[internal::kObjectsPart];
    for (const auto& object : objects_) {
      const std::string name(object->state_name());
      if (loaded.left_out_objects.contains(name)) continue;
      if (object->is_equal_on_all_ranks()) {
        object->load(objects.part(name));
      } else if (rank < loaded.ranks.size()) {
        object->load(loaded.ranks[rank][c10::str(internal::kObjectsPart, ".", name)]);
      }
    }
    progress_ = internal::progress_of(loaded.shared[internal::kProgressPart]);
  });
  return report;
}

}  // namespace accelerate
