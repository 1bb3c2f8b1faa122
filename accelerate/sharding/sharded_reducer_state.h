// The state of a ShardedReducer: the parts of the gradients that this rank has, and what is
// travelling.
//
// Part of the ShardedReducer; not for others.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "accelerate/gradients/synced_parameters.h"
#include "accelerate/layout/flat_buffer.h"
#include "accelerate/sharding/sharded_reducer.h"

namespace accelerate {

class ShardedReducer::State final : public internal::SyncedParameters {
 public:
  State(Communicator& communicator, const ShardedParameters& store, const GradientOptions& options,
        const GradientNotes& notes);

  using SyncedParameters::is_mean;
  void begin(bool eager);
  void finish();
  void abandon();
  bool is_under_way() const { return under_way_; }
  at::Tensor whole_gradient(const at::Tensor& parameter);
  std::vector<at::Tensor> travel_memory() const;
  GradientNotes gathered_notes();

 private:
  // The gradients of one unit of parameters. The unit's members are consecutive parameters of this
  // object, beginning with `first`.
  struct Unit {
    const UnitLayout* layout;
    // The store's places, including strides.
    std::vector<PartPlace> places;
    size_t first;
    c10::ScalarType wire_type;
    // This rank's part of the mean.
    FlatBuffer part;
    // By member: its part in `part`, and the cut tensor that is its `.grad`.
    std::vector<at::Tensor> parts;
    std::vector<at::Tensor> cuts;
  };
  // A reduce-scatter that is running.
  struct Pending {
    size_t unit;
    PendingCollective collective;
    at::Tensor wire;
    // This rank's part of the result; it is the unit's own part if nothing else has to be done to
    // it.
    at::Tensor received;
  };

  void on_gradient(size_t parameter) override;
  bool is_mean(size_t parameter) const override;
  void allocate(Unit& unit);
  // Allocates new parts if the program holds a gradient of an earlier round, which must not change.
  void renew_if_held(Unit& unit);
  const at::Tensor& cut_of(size_t parameter) const;
  // Whether this is the parameter's gradient as this object has cut it.
  bool is_own_cut(size_t parameter, const at::Tensor& gradient) const;
  // Starts the reduce-scatter of a unit. Afterwards the unit's parameters have only parts of their
  // gradients.
  void launch(size_t unit);
  // Waits for the reduce-scatter that was started first.
  void complete_first();
  at::Tensor take_wire(const Unit& unit);

  std::vector<Unit> units_;
  std::vector<size_t> unit_of_;
  // By parameter: whether its part holds the mean of earlier passes, to which the present mean is
  // added.
  std::vector<char> aside_;
  // Memory of earlier reduce-scatters, for later ones.
  std::vector<at::Tensor> wires_;
  at::Tensor signal_;

  // ---- One round
  bool eager_ = false;
  bool under_way_ = false;
  std::vector<char> ready_;
  std::vector<size_t> missing_;
  size_t next_unit_ = 0;
  std::deque<Pending> pending_;
};

}  // namespace accelerate
