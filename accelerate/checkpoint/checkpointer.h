// Saves the state of a run and brings it back: what the Accelerator's methods of these names do.
//
//   Checkpointer checkpoints(run, {.folder = "run1", .keep = 3});
//   checkpoints.resume();
//   checkpoints.save("", std::source_location::current());
//   checkpoints.wait();
//
// Collective: all ranks call, in one order. What goes wrong on one rank is thrown on all, with its
// message, and nothing that was saved before is harmed. Not thread-safe. Not for programs, which
// use the Accelerator.
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
  // The run, whose parts and communicator outlive the checkpointer. `parts` are asked for each
  // time, in the order in which they are loaded.
  struct Run {
    Communicator* communicator;
    ProcessInfo process;
    std::string strategy;
    std::string precision;
    std::function<std::vector<Stateful*>()> parts;
    // Throws c10::Error where something waits that is in no state.
    std::function<void()> check_can_be_saved;
    // Gives all ranks rank 0's values of what each may have moved. Collective.
    std::function<void()> make_equal;
    // Called before a state is loaded. Throws c10::Error where that must not be.
    std::function<void()> before_load;
  };
  Checkpointer(Run run, const CheckpointOptions& options);
  // Waits until what is being written is there.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  const CheckpointOptions& options() const { return options_; }
  // From the next save on.
  void set_options(const CheckpointOptions& options);
  Progress& progress() { return progress_; }
  // A part of the program's own. Throws c10::Error where the name is taken, or has a dot.
  void add(std::unique_ptr<Stateful> object);
  // Does nothing where there is none of the name.
  void remove(const std::string& name);
  // The number by which a hook is removed.
  int add_save_hook(CheckpointHook hook);
  int add_load_hook(CheckpointHook hook);
  void remove_hook(int number);

  // Saves to `path`; without one, to the next checkpoint of the folder. Returns the path.
  std::string save(const std::string& path, const std::source_location& where);
  // Waits for what is being written, and throws c10::Error where it failed.
  void wait();
  // Goes on from the checkpoint at `path`; without one, from the newest whole one of the folder.
  LoadReport load(const std::string& path, const LoadOptions& options);
  // Goes on from the newest whole checkpoint of the folder; false where there is none. Damaged ones
  // are passed over with a warning.
  bool resume(const LoadOptions& options = {});
  // Has rank 0 call the function, and throws on all ranks what it throws.
  void on_main_process(const std::string& what, const std::function<void()>& function);
  // Has all ranks call it, and throws on all what one of them throws. Returns what each rank's call
  // has returned, by rank.
  std::vector<std::string> from_all_ranks(const std::string& what,
                                          const std::function<std::string()>& function);
  // The same of what returns nothing.
  void on_all_ranks(const std::string& what, const std::function<void()>& function);

 private:
  struct Hook {
    int number;
    bool is_for_save;
    CheckpointHook function;
  };

  void run_hooks(bool is_for_save, const std::string& path);
  // Every rank's text. Throws c10::Error where one of them is not in this call.
  std::vector<std::string> exchange(const std::string& what, const std::string& text);
  // Throws on all ranks what a rank has to say, if any has.
  void throw_failures(const std::string& what, const std::vector<std::string>& failures) const;
  void agree(const std::string& what, const std::string& failure);

  // A program whose loop counts epochs saves between two of them.
  void warn_of_epoch(const State& loaders);
  // Keeps other runs from saving to the folder, as long as this process lives.
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
