// Saves and restores the state of a run: the implementation of the Accelerator's methods of these
// names.
//
//   Checkpointer checkpoints(run, {.folder = "run1", .keep = 3});
//   checkpoints.resume();
//   checkpoints.save("", std::source_location::current());
//   checkpoints.wait();
//
// Collective: all ranks call in the same order. An error on one rank is thrown on all ranks, with
// its message, and leaves earlier checkpoints intact. Not thread-safe. Not for programs, which use
// the Accelerator.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <vector>

#include "accelerate/checkpoint/checkpoint_options.h"
#include "accelerate/checkpoint/progress.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/process/process_info.h"
#include "accelerate/state/stateful.h"

namespace accelerate::internal {
class SaveJob;
}

namespace accelerate {

// Called on all ranks before a checkpoint is saved, or loaded, with its path.
using CheckpointHook = std::function<void(const std::string& path)>;

class Checkpointer {
 public:
  // The run. Its parts and its communicator must outlive the checkpointer. `parts` is called each
  // time, and returns them in the order in which they are loaded.
  struct Run {
    Communicator* communicator;
    ProcessInfo process;
    std::string strategy;
    std::string precision;
    std::function<std::vector<Stateful*>()> parts;
    // Throws c10::Error if something is pending that no state contains.
    std::function<void()> check_can_be_saved;
    // Gives all ranks rank 0's values of what may differ between them. Collective.
    std::function<void()> make_equal;
    // Called before a state is loaded. Throws c10::Error if that is not allowed now.
    std::function<void()> before_load;
  };
  Checkpointer(Run run, const CheckpointOptions& options);
  // Waits until a checkpoint that is being written is complete.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  const CheckpointOptions& options() const { return options_; }
  // The options apply from the next save on.
  void set_options(const CheckpointOptions& options);
  Progress& progress() { return progress_; }
  // Adds an object of the program. Throws c10::Error if the name is taken, or contains a dot.
  void add(std::unique_ptr<Stateful> object);
  // Does nothing if there is no object with the name.
  void remove(const std::string& name);
  // Return the number by which remove_hook() removes the hook.
  int add_save_hook(CheckpointHook hook);
  int add_load_hook(CheckpointHook hook);
  void remove_hook(int number);

  // Saves to `path`, or if it is empty, to the next checkpoint of the folder. Returns the path.
  std::string save(const std::string& path, const std::source_location& where);
  // Waits for a checkpoint that is being written, and throws c10::Error if writing failed.
  void wait();
  // Loads the checkpoint at `path`, or if it is empty, the newest whole one of the folder.
  LoadReport load(const std::string& path, const LoadOptions& options);
  // Loads the newest whole checkpoint of the folder; false if there is none. Skips damaged ones
  // with a warning.
  bool resume(const LoadOptions& options = {});
  // Calls the function on rank 0, and throws what it throws on all ranks.
  void on_main_process(const std::string& what, const std::function<void()>& function);
  // Calls the function on all ranks. If it throws on one of them, throws the same on all. Returns
  // the results by rank.
  std::vector<std::string> from_all_ranks(const std::string& what,
                                          const std::function<std::string()>& function);
  // The same for a function without a result.
  void on_all_ranks(const std::string& what, const std::function<void()>& function);

 private:
  struct Hook {
    int number;
    bool is_for_save;
    CheckpointHook function;
  };

  void run_hooks(bool is_for_save, const std::string& path);
  // Returns every rank's text. Throws c10::Error if one of the ranks is not in this call.
  std::vector<std::string> exchange(const std::string& what, const std::string& text);
  // Throws on all ranks if any rank reports a failure.
  void throw_failures(const std::string& what, const std::vector<std::string>& failures) const;
  void agree(const std::string& what, const std::string& failure);

  // Warns if the loader has ended its epoch but progress().epoch has not advanced, because a
  // resumed run would then make one epoch too many.
  void warn_of_epoch(const State& loaders);
  // Keeps other runs from saving to the folder for as long as this process lives.
  void lock_folder();
  std::optional<std::string> newest_whole();
  LoadReport load_from(const std::string& path, const LoadOptions& options);

  Run run_;
  CheckpointOptions options_;
  Progress progress_;
  std::vector<std::unique_ptr<Stateful>> objects_;
  std::vector<Hook> hooks_;
  int next_hook_ = 0;
  // Memory for the copy of this rank's share.
  at::Tensor buffer_;
  // Folders that this process has locked.
  std::set<std::string> locked_;
  // Checkpoints that were found damaged, which do not count among those that are kept.
  std::set<std::string> damaged_;
  bool has_warned_of_epoch_ = false;
  std::unique_ptr<internal::SaveJob> job_;
};

}  // namespace accelerate
