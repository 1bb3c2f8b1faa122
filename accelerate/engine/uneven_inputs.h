// Accelerator::join_uneven_inputs(): how ranks without data take part in the work of the others.
//
// Before each averaging within the scope, all ranks count how many of them still have data; a rank
// without data contributes zeros until no rank has any. The ranks that ended early have not stepped
// since, so at the end all ranks take over the model, the optimizers, the schedules and the loss
// scale of a rank that continued longest. The scheme follows PyTorch's
// torch.distributed.algorithms.Join, which does not update the optimizers.
//
// Part of the Session; programs use JoinScope. Not thread-safe.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/state/stateful.h"

namespace accelerate {

// What a rank that ended early takes over; the UnevenInputs also uses the window and two of the
// parts by name. All of it must outlive the UnevenInputs.
struct JoinedState {
  ModelSet& models;
  OptimizerSteps& optimizers;
  AccumulationWindow& window;
  // The parts of the run that are the same on all ranks.
  std::vector<Stateful*> parts;
};

class UnevenInputs {
 public:
  UnevenInputs(Communicator& communicator, c10::Device device, const JoinedState& state)
      : communicator_(communicator), device_(device), state_(state) {}

  // Until end(), each averaging first counts the ranks that still have data. On one process there
  // are no other ranks to wait for.
  void begin();
  // Called when this rank has run out of data. It takes part in the averaging of the others until
  // they have, too, and then takes over what it missed. Collective.
  void end();
  // Called after an exception: this rank does not wait for the others.
  void abandon() { is_in_scope_ = is_open_ = false; }
  // Counts a backward pass within the scope.
  void count_pass() { ++passes_; }

  // Called before a backward pass within the scope: tells the others that this rank has data, and
  // which models it averages. Afterwards `syncing` says which models any rank averages. Collective.
  void announce_data(std::vector<bool>& syncing);

  // Whether a scope is open on several processes, and how many scopes have ended.
  bool is_open() const { return is_open_; }
  int64_t ended() const { return ended_; }

 private:
  // Returns the number of ranks with data.
  int64_t announce(bool has_data, std::vector<bool>& syncing);

  Communicator& communicator_;
  c10::Device device_;
  JoinedState state_;
  bool is_in_scope_ = false;
  bool is_open_ = false;
  int64_t ended_ = 0;
  // Counts within the scope: averagings for which this rank had data, and its backward passes.
  int64_t steps_ = 0;
  int64_t passes_ = 0;
};

}  // namespace accelerate
