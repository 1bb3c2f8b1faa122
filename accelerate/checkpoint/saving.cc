// How a Checkpointer saves.
#include <c10/util/Exception.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "accelerate/checkpoint/checkpointer.h"
#include "accelerate/checkpoint/document.h"
#include "accelerate/checkpoint/run_states.h"
#include "accelerate/checkpoint/save_job.h"
#include "accelerate/checkpoint/writers.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/commit.h"
#include "launcher/version/version.h"

namespace accelerate {
namespace {

using nlohmann::json;

// A run that was killed may hold its lock for a moment longer.
constexpr auto kPatienceWithLock = std::chrono::seconds(10);

// What one rank has for another, whatever bytes it holds.
std::string text_of(const json& message) {
  return message.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string new_id() {
  std::random_device random;
  return absl::StrFormat("%08x%08x", random(), random());
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// So that a save ends before it begins where it would end in vain.
void check_is_free(const std::string& path) {
  std::error_code error;
  TORCH_CHECK(!std::filesystem::exists(path, error) || checkpoints::is_checkpoint(path), path,
              " exists and is not a checkpoint; save to another path");
}

// What earlier runs have left unfinished: all of the folder, or of a path of its own what belongs
// to that.
void remove_left_overs(const std::string& folder, const std::string& path, const std::string& id) {
  absl::Status status;
  if (!folder.empty()) {
    status = checkpoints::remove_unfinished(folder, id);
  } else {
    const std::filesystem::path place(path);
    const std::string begin = place.filename().string() + ".";
    const std::filesystem::path parent = place.has_parent_path() ? place.parent_path() : ".";
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
      const std::string name = entry.path().filename().string();
      const bool is_left = name.starts_with(begin) && name.ends_with(".unfinished") &&
                           checkpoints::is_checkpoint(entry.path().string());
      if (is_left) status.Update(checkpoints::remove_checkpoint(entry.path().string()));
    }
  }
  if (!status.ok())
    TORCH_WARN("what an earlier run left unfinished could not be removed: ", status.message());
}

// Makes the folder that a checkpoint is written in, with rank 0's file by which others know it.
void make_unfinished(const std::string& unfinished) {
  std::error_code error;
  std::filesystem::create_directories(unfinished, error);
  TORCH_CHECK(!error, "cannot create ", unfinished, ": ", error.message(),
              "; make sure that the folder can be written to");
  internal::make_part(unfinished, /*rank=*/0);
}

// Names parts that are to be alike on all ranks, and are not.
std::string differences(const std::vector<json>& digests) {
  std::string message;
  json all = json::object();
  for (const json& each : digests) all.update(each);
  for (const auto& [part, any] : all.items()) {
    for (size_t rank = 1; rank < digests.size(); ++rank) {
      if (digests[rank].value(part, json()) == digests[0].value(part, json())) continue;
      message += c10::str("\n`", part, "` of rank ", rank, " differs from that of rank 0");
      break;
    }
  }
  if (message.empty()) return message;
  return "the ranks would save different things; register objects that differ between ranks with "
         ".of_each_rank = true, and after steps within no_sync() average what the optimizer keeps, "
         "as "
         "docs/from_python.md does for local SGD:" +
         message;
}

// Looks at what hooks have written, before anything is written over it. A checkpoint has no
// folders, so one with a folder could neither be replaced nor removed.
void check_hooks(const std::string& unfinished, const internal::SavePlan& plan) {
  std::set<std::string> own = {checkpoints::kCommitFile};
  for (const auto& file : plan.contents) own.insert(file.name());
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(unfinished, error)) {
    const std::string name = entry.path().filename().string();
    TORCH_CHECK(!own.contains(name), "a hook has written `", name,
                "` into the checkpoint, which is a file of the checkpoint itself; give it another "
                "name");
    TORCH_CHECK(
        !entry.is_directory(error), "a hook has made the folder `", name,
        "` in the checkpoint, which holds files only; write files there, or make the folder "
        "elsewhere");
  }
}

}  // namespace

void Checkpointer::lock_folder() {
  const std::string folder = options_.folder;
  if (!run_.process.is_local_main()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  TORCH_CHECK(!error, "the folder for checkpoints, ", folder,
              ", cannot be created: ", error.message(), "; check its path, or use another folder");
  if (!run_.process.is_main() || !locked_.insert(folder).second) return;
  const std::string path = folder + "/.lock";
  // Open for good: a lock ends with the first of a process's descriptors that is closed. A link may
  // be another user's, who wants some file made.
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  // Who cannot write there is told so by the save.
  if (descriptor < 0) {
    locked_.erase(folder);
    const int refusal = errno;
    TORCH_CHECK(!std::filesystem::exists(std::filesystem::symlink_status(path, error)),
                "cannot open ", path, ": ", std::strerror(refusal),
                "; make sure that it is a regular file that everybody who saves to the folder can "
                "write to");
    return;
  }
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  const auto end = std::chrono::steady_clock::now() + kPatienceWithLock;
  while (::fcntl(descriptor, F_SETLK, &lock) != 0) {
    // Not every file system has locks.
    if (errno != EACCES && errno != EAGAIN) return;
    if (std::chrono::steady_clock::now() > end) {
      ::fcntl(descriptor, F_GETLK, &lock);
      ::close(descriptor);
      locked_.erase(folder);
      TORCH_CHECK(false, "another run, whose first process is ", lock.l_pid, ", is saving to ",
                  folder, "; stop it, or use another folder");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Checkpointer::warn_of_epoch(const State& loaders) {
  if (has_warned_of_epoch_ || !run_.process.is_main() || !loaders.contains("0.epoch")) return;
  const bool is_between = loaders.integer("0.consumed") == 0;
  if (!is_between || loaders.integer("0.epoch") != progress_.epoch + 1) return;
  has_warned_of_epoch_ = true;
  TORCH_WARN("save_state(): the loader has ended its epoch, but progress().epoch is still ",
             progress_.epoch,
             ". If that counts the epochs, a run that resumes here makes one too many: "
             "call progress().next_epoch() before you save between two epochs");
}

std::string Checkpointer::save(const std::string& path, const std::source_location& where) {
  const std::string what = c10::str("save_state() at ", where.file_name(), ":", where.line());
  refuse_recording("that the state is saved");
  const PhaseScope aside(Phase::kAside);
  wait();
  const bool is_automatic = path.empty();
  const std::string folder = is_automatic ? options_.folder : "";
  TORCH_CHECK(!is_automatic || !folder.empty(), what,
              " has no folder; give it one, or the Accelerator, as in "
              "ACCELERATE_MAIN(train, {.checkpoints = {.folder = \"run1\"}})");

  // Where to.
  json first;
  std::vector<std::string> paths;
  int64_t number = 0;
  bool has_hooks = false;
  const auto describe_call = [&] {
    run_.check_can_be_saved();
    json call = {{"id", new_id()},
                 {"saved_at", now()},
                 {"path", path},
                 {"next", 0},
                 {"has_hooks", !hooks_.empty()}};
    if (is_automatic) {
      lock_folder();
      const auto next = checkpoints::next_number(folder);
      TORCH_CHECK(next.ok(), std::string(next.status().message()));
      call["next"] = *next;
    }
    return text_of(call);
  };
  for (const std::string& text : from_all_ranks(what, describe_call)) {
    const json each = json::parse(text);
    paths.push_back(each.at("path"));
    number = std::max<int64_t>(number, each.at("next"));
    has_hooks = has_hooks || each.at("has_hooks");
    if (first.is_null()) first = each;
  }
  for (size_t rank = 1; rank < paths.size(); ++rank)
    TORCH_CHECK(paths[rank] == paths[0], what, ": rank ", rank, " would save to ", paths[rank],
                ", and rank 0 to ", paths[0], "; all ranks must save to one path");
  internal::SavePlan plan;
  plan.path = is_automatic ? checkpoints::checkpoint_path(folder, number) : path;
  const std::string id = first.at("id");
  plan.unfinished = checkpoints::unfinished_path(plan.path, id);
  plan.folder = folder;
  // Damaged ones are kept beside the others until they are too old.
  std::erase_if(damaged_, [](const std::string& each) {
    std::error_code error;
    return !std::filesystem::exists(each, error);
  });
  plan.keep =
      is_automatic && options_.keep > 0 ? options_.keep + static_cast<int64_t>(damaged_.size()) : 0;
  const std::string unfinished = plan.unfinished, final_path = plan.path;

  try {
    on_main_process(what, [&] {
      check_is_free(final_path);
      remove_left_overs(folder, final_path, id);
      make_unfinished(unfinished);
    });
    const internal::Writers writers =
        internal::find_writers([&](const std::string& text) { return exchange(what, text); },
                               run_.process.rank, run_.process.is_local_main(), unfinished);
    plan.writers = writers.ranks;
    plan.member = writers.member;
    plan.prunes = static_cast<int>(writers.ranks.size()) == run_.process.world_size;
    if (plan.member == 0 && !run_.process.is_main()) remove_left_overs(folder, final_path, id);

    // What. Hooks first, whose changes are part of it.
    if (has_hooks) on_all_ranks(what, [&] { run_hooks(/*is_for_save=*/true, unfinished); });
    run_.make_equal();
    internal::RunStates states;
    const auto collect = [&] {
      states = internal::collect(run_.parts(), objects_, progress_);
      return text_of({{"own", states.own}, {"digests", internal::digests_of(states.shared)}});
    };
    json ranks = json::array();
    std::vector<json> digests;
    for (const std::string& text : from_all_ranks(what, collect)) {
      json each = json::parse(text);
      ranks.push_back(std::move(each["own"]));
      digests.push_back(std::move(each["digests"]));
    }
    warn_of_epoch(states.shared[internal::kLoadersPart]);
    const std::string differs = differences(digests);
    TORCH_CHECK(differs.empty(), what, " failed: ", differs);
    internal::share_archives(*run_.communicator, states.shared);
    std::vector<std::string> objects;
    for (const auto& object : objects_) objects.emplace_back(object->state_name());
    // Rank 0's for all, as some of it may be known there alone.
    const std::string document = run_.communicator->broadcast_bytes(
        run_.process.is_main() ? internal::document_text(states.shared, ranks, objects) : "",
        /*root=*/0);
    const std::vector<std::string> layouts = from_all_ranks(what, [&] {
      plan.contents = internal::contents_of(states.shared, document);
      if (has_hooks) check_hooks(unfinished, plan);
      json layout = json::object();
      for (const auto& file : plan.contents) layout[file.name()] = file.digest();
      return text_of(layout);
    });
    for (size_t rank = 1; rank < layouts.size(); ++rank)
      TORCH_CHECK(layouts[rank] == layouts[0], what, " failed: the tensors of rank ", rank,
                  " have other names, types or sizes than those of rank 0");

    plan.commit = {.id = id,
                   .saved_at = first.at("saved_at"),
                   .epoch = progress_.epoch,
                   .step = progress_.step,
                   .world_size = run_.process.world_size,
                   .strategy = run_.strategy,
                   .precision = run_.precision,
                   .version = kVersion,
                   .files = {}};
    on_all_ranks(what, [&] { internal::gather_cut_tensors(*run_.communicator, plan); });
    on_all_ranks(what, [&] {
      job_ = std::make_unique<internal::SaveJob>(std::move(plan), options_.asynchronous, buffer_);
    });
  } catch (...) {
    if (job_) job_->cancel();
    job_.reset();
    // That of each machine.
    if (run_.process.is_local_main()) checkpoints::remove_checkpoint(unfinished).IgnoreError();
    throw;
  }
  if (!options_.asynchronous) wait();
  return final_path;
}

}  // namespace accelerate
