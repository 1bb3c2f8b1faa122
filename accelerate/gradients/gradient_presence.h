// Which parameters have a gradient, on this rank and on the others, so that all ranks average the
// same ones. In an ordinary step this costs the communication of one number.
//
//   const bool differs = presence.note(/*contributes=*/true);
//   // Where some rank's differs, on all ranks:
//   presence.compare();
//
// Part of the SyncedParameters; not for others.
#pragma once

#include <string>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate::internal {

class GradientPresence {
 public:
  // At first, dense gradients of all parameters are expected. With `find_unused`, ranks may have
  // gradients of different parameters. Both references must outlive this object.
  GradientPresence(Communicator& communicator, const std::vector<NamedParameter>& parameters,
                   bool find_unused);

  // Notes which gradients this rank has; if not `contributes`, notes that it takes part without
  // any. Returns whether they differ from what the ranks have agreed on.
  bool note(bool contributes);
  // Makes the ranks agree again. Collective. Throws c10::Error on every rank, with the names of the
  // parameters, if the gradients differ in a way that is not allowed.
  void compare();

  // As last agreed: whether any rank has a gradient of the parameter, and whether it is sparse.
  bool is_anywhere(size_t parameter) const { return agreed_[parameter] != kNone; }
  bool is_sparse(size_t parameter) const { return agreed_[parameter] == kSparse; }
  // As last noted.
  bool is_here(size_t parameter) const { return noted_[parameter] != kNone; }

 private:
  static constexpr char kNone = '0', kDense = '1', kSparse = 's', kAbsent = '-';

  Communicator& communicator_;
  const std::vector<NamedParameter>& parameters_;
  bool find_unused_;
  // A letter for each parameter.
  std::string agreed_, noted_;
};

}  // namespace accelerate::internal
