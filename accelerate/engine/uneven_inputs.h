// Accelerator::join_uneven_inputs(): how ranks without data accompany the others.
//
// Before each averaging within the scope, all ranks add up how many of them have data; a rank
// without any takes part with zeros until nobody has. The ranks that ended early have not stepped
// since, so at the end all take over the model, the optimizers, the schedules and the loss scale of
// one that went on longest. After PyTorch's torch.distributed.algorithms.Join, which leaves the
// optimizers behind.
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

// What a rank that ended early takes over, from which it knows two by name. All of it outlives the
// UnevenInputs.
struct JoinedState {
  ModelSet& models;
  OptimizerSteps& optimizers;
  AccumulationWindow& window;
  // Those of the run's parts that all ranks have alike.
  std::vector<Stateful*> parts;
};

class UnevenInputs {
 public:
  UnevenInputs(Communicator& communicator, c10::Device device, const JoinedState& state)
      : communicator_(communicator), device_(device), state_(state) {}

  // From then on, and until end(), each averaging first counts the ranks that still have data.
  // On one process there is nobody to accompany.
  void begin();
  // This rank has run out of data: takes part in the averaging of the others until they have, too,
  // and then takes over what it missed. Collective.
  void end();
  // After an exception: nobody is waited for.
  void abandon() { is_in_scope_ = is_open_ = false; }
  // A backward pass within the scope.
  void count_pass() { ++passes_; }

  // Before a backward pass within the scope: tells the others that this rank has data, and which
  // models it averages; then those that any of them does. Collective.
  void announce_data(std::vector<bool>& syncing);

  // Whether a scope is open on several processes, and how many have ended.
  bool is_open() const { return is_open_; }
  int64_t ended() const { return ended_; }

 private:
  // The number of ranks with data.
  int64_t announce(bool has_data, std::vector<bool>& syncing);

  Communicator& communicator_;
  c10::Device device_;
  JoinedState state_;
  bool is_in_scope_ = false;
  bool is_open_ = false;
  int64_t ended_ = 0;
  // Within the scope: averagings that this rank had data for, and its backward passes.
  int64_t steps_ = 0;
  int64_t passes_ = 0;
};

}  // namespace accelerate
