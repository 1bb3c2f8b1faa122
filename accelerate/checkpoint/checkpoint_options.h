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
  // Where save_state() makes `checkpoint_0`, `checkpoint_1`, ..., and resume() looks for them. It
  // is made where it is not there. Empty: save_state() and load_state() are told each time.
  std::string folder = {};
  // How many of them stay, the newest; 0 for all. The oldest goes when the newest is safe.
  int64_t keep = 0;
  // save_state() returns when it has copied the state, and the files are written while the training
  // goes on. What goes wrong then is thrown by the next call that has to do with checkpoints.
  bool asynchronous = false;
};

struct RegistrationOptions {
  // Whether each rank has its own, such as a generator of random numbers; in a run of more
  // processes the others keep what they have. Otherwise all ranks have the same, and one that has
  // not is an error when it is saved.
  bool of_each_rank = false;
};

struct LoadOptions {
  // Whether parameters, buffers and optimizers' states that only one side has are an error.
  // Otherwise what the checkpoint lacks stays as it is, and what the program lacks is left out.
  bool strict = true;
};

// What load_state() has left out, when it was not strict; by name.
struct LoadReport {
  // Which the program has and the checkpoint has not.
  std::vector<std::string> missing;
  // The other way round.
  std::vector<std::string> unexpected;
};

}  // namespace accelerate
