// How a Checkpointer brings a run back.
#include <c10/util/Exception.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "accelerate/checkpoint/checkpointer.h"
#include "accelerate/checkpoint/fitting.h"
#include "accelerate/checkpoint/run_states.h"
#include "accelerate/checkpoint/save_job.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"
#include "accelerate/process/seed.h"
#include "accelerate/state/name_list.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/verify.h"
#include "launcher/flight_record/flight_recorder.h"

namespace accelerate {
namespace {

using checkpoints::Commit;

// What a checkpoint is known by on all machines.
std::string key_of(const checkpoints::FoundCheckpoint& found) {
  // Whatever the program's locale puts between digits.
  return absl::StrCat(*found.number, " ", found.commit->id);
}

// This rank's share of the extents, so that the ranks of a machine have read all of them.
std::string verify_share(const std::string& path, const Commit& commit,
                         const ProcessInfo& process) {
  const launcher::LongOperation busy("verifying a checkpoint");
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

}  // namespace

std::optional<std::string> Checkpointer::newest_whole() {
  const std::string what = "resume(" + options_.folder + ")";
  std::map<std::string, checkpoints::FoundCheckpoint> whole;
  // Whole ones, and lines about others that may be checkpoints.
  std::vector<std::string> own, unusable;
  std::string failure, remarks;
  const auto found = checkpoints::find_checkpoints(options_.folder);
  if (found.ok()) {
    for (const auto& each : *found) {
      if (each.number && each.commit) {
        own.push_back(key_of(each));
        whole.emplace(key_of(each), each);
      } else if (each.number) {
        const std::string line = c10::str("\n", each.path, ": ", each.fault);
        remarks += line;
        if (!each.is_unfinished && !each.lacks_commit_file) unusable.push_back(line);
      }
    }
  } else if (!absl::IsNotFound(found.status())) {
    failure = std::string(found.status().message());
  }
  agree(what, failure);
  // Those that every rank has.
  std::map<std::string, int> counts;
  for (const std::string& text : exchange(what, text_of_names(own)))
    for (const std::string& key : names_in(text)) ++counts[key];
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
        TORCH_WARN("some checkpoints in ", options_.folder, " are not whole; ", candidate.path,
                   " is the newest that is:", remarks);
      return candidate.path;
    }
    remarks += c10::str("\n", candidate.path, ": ", damage);
    damaged_.insert(candidate.path);
  }
  // Those of other ranks, which this one does not see.
  std::set<std::string> of_others;
  for (const std::string& text : exchange(what, text_of_names(unusable)))
    for (const std::string& line : names_in(text)) of_others.insert(line);
  for (const std::string& line : unusable) of_others.erase(line);
  for (const std::string& line : of_others) remarks += line;
  // To begin anew beside them would in the end remove them.
  TORCH_CHECK(counts.empty() && unusable.empty() && of_others.empty(), "there are checkpoints in ",
              options_.folder, ", but none that is whole on all ranks:", remarks,
              "\nMake sure that all machines can read them, with the version of the program that "
              "saved them; or move them elsewhere to start over");
  if (says && !remarks.empty())
    TORCH_WARN("there is no whole checkpoint to resume from in ", options_.folder, ":", remarks);
  return std::nullopt;
}

bool Checkpointer::resume(const LoadOptions& options) {
  refuse_recording("that the run is resumed");
  const PhaseScope aside(Phase::kAside);
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
  const PhaseScope aside(Phase::kAside);
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
      TORCH_CHECK(ids[rank] == ids[0], path, " is another checkpoint on rank ", rank,
                  " than on rank 0; copy one to all machines");
    return load_from(path, options);
  }
  TORCH_CHECK(!options_.folder.empty(),
              "load_state() has no folder; give it a path, or the Accelerator a folder for "
              "checkpoints");
  const std::optional<std::string> newest = newest_whole();
  TORCH_CHECK(newest, "load_state(): there is no whole checkpoint in ", options_.folder);
  return load_from(*newest, options);
}

LoadReport Checkpointer::load_from(const std::string& path, const LoadOptions& options) {
  const std::string what = "load_state(" + path + ")";
  const size_t rank = run_.process.rank;
  internal::Document loaded;
  internal::Fitting fitting(options, run_.process.rank);
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
    loaded = internal::read_document(path, commit->world_size);
    internal::read_tensors(path, files, loaded.shared);
    fitting.fit_parts(parts, loaded);
    fitting.fit_objects(objects_, loaded);
    TORCH_CHECK(fitting.problems().empty(), path, " does not fit this program.", fitting.problems(),
                "\nLoad a checkpoint of this program",
                options.strict ? ", or take what fits with {.strict = false}" : "");
  });

  on_all_ranks(what, [&] {
    const auto load_part = [&](Stateful* part) {
      const std::string name(part->state_name());
      if (fitting.leaves_out_part(name)) return;
      if (part->is_equal_on_all_ranks() || name == internal::kLoadersPart) {
        part->load(loaded.shared[name]);
      } else if (rank < loaded.ranks.size()) {
        // What a program did not have when it was saved, such as trackers, begins anew.
        if (const State* own = loaded.own(rank, name)) part->load(*own);
      } else if (name == internal::kGeneratorsPart) {
        // A rank that was not there draws numbers that nobody else draws.
        seed_generators(std::stoull(id, nullptr, 16), static_cast<int>(rank),
                        {.device_specific = true});
      }
    };
    const auto is_generators = [](const Stateful* part) {
      return part->state_name() == internal::kGeneratorsPart;
    };
    for (Stateful* part : parts)
      if (!is_generators(part)) load_part(part);
    const State objects = loaded.shared[internal::kObjectsPart];
    for (const auto& object : objects_) {
      const std::string name(object->state_name());
      if (fitting.leaves_out_object(name)) continue;
      if (object->is_equal_on_all_ranks()) {
        object->load(objects.part(name));
      } else if (const State* own = loaded.own(rank, internal::own_part(*object))) {
        object->load(*own);
      }
    }
    // Last, as a program's own objects may draw numbers when they load.
    for (Stateful* part : parts)
      if (is_generators(part)) load_part(part);
    progress_ = loaded.progress;
  });
  return fitting.report();
}

}  // namespace accelerate
