// Where a program's checkpoints go, and how many are kept.
//
//   ACCELERATE_MAIN(train, {.checkpoints = {.folder = "run1", .keep = 3, .asynchronous = true}})
//
// Not for files of a trained model alone: that is Accelerator::save_model().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace accelerate {

struct CheckpointOptions {
  // Where save_state() creates `checkpoint_0`, `checkpoint_1`, ..., and resume() looks for them.
  // Created if it does not exist. If empty, save_state() and load_state() need a path.
  std::string folder = {};
  // How many of the newest are kept; 0 keeps all. The oldest is removed once the newest is safely
  // on the disk.
  int64_t keep = 0;
  // save_state() returns when it has copied the state, and the files are written while the training
  // continues. Errors are then thrown by the next call that saves or loads, or waits.
  bool asynchronous = false;
};

struct RegistrationOptions {
  // Whether each rank has its own value, such as a random number generator. If a resumed run has
  // more processes, the new ones keep what they have. Otherwise all ranks must have the same value;
  // saving fails if they visibly do not.
  bool of_each_rank = false;
};

struct LoadOptions {
  // Whether it is an error if only the checkpoint or only the program has a parameter, a buffer, an
  // optimizer's state or a registered object. If false, what the checkpoint lacks stays unchanged,
  // and what the program lacks is left out.
  bool strict = true;
};

// What load_state() left out because it was not strict, by name.
struct LoadReport {
  // What the program has and the checkpoint lacks.
  std::vector<std::string> missing;
  // What the checkpoint has and the program lacks.
  std::vector<std::string> unexpected;
};

}  // namespace accelerate
