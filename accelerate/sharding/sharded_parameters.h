// Lays the trainable parameters of a model out in units that are cut over the ranks. Every rank has
// all of them at any time, but while an optimizer steps each is this rank's part of itself; then
// the ranks give each other what they have made of theirs, in place.
//
//   ShardedParameters store(communicator, parameters, {.first_mb = 1, .cap_mb = 25});
//   store.begin_update(stepped);
//   adamw.step();             // steps this rank's part of each parameter
//   store.end_update(/*is_complete=*/true);
//
// A unit is what one bucket of gradients would be. Parameters of complex types, of which nothing
// can be cut, and empty ones are whole on every rank, and every rank steps them. What holds for the
// memory of parameters, parameter_slots.h says; one that is left where it is costs two copies in
// each step. Not thread-safe; not for frozen parameters.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/buckets.h"
#include "accelerate/layout/flat_buffer.h"
#include "accelerate/layout/named_parameter.h"
#include "accelerate/layout/parameter_slots.h"
#include "accelerate/layout/parameter_store.h"
#include "accelerate/sharding/unit_layout.h"

namespace accelerate {

class ShardedParameters final : public ParameterStore {
 public:
  struct Unit {
    UnitLayout layout;
    // Indices of its parameters, in the order of the layout's places.
    std::vector<size_t> members;
    FlatBuffer values;
  };

  // Trainable and distinct, in registration order; the same on all ranks. The communicator outlives
  // this.
  ShardedParameters(Communicator& communicator, std::vector<NamedParameter> parameters,
                    const internal::BucketSizes& sizes);

  const std::vector<NamedParameter>& parameters() const override { return slots_.parameters(); }
  const std::vector<Unit>& units() const { return units_; }
  // Of no unit.
  const std::vector<size_t>& whole() const { return whole_; }

  // Not in units of which a part is the program's by now: the parts of all ranks come to lie there.
  bool restore() override { return slots_.restore() && !slots_.has_left_slots(); }
  // They are whole at any time but in an update.
  void gather() override {}
  void release() override {}
  const PartPlace* place_of(const at::Tensor& parameter) const override;
  void begin_update(const std::vector<at::Tensor>& stepped) override;
  void end_update(bool is_complete) override;

 private:
  struct Member {
    size_t unit;
    PartPlace place;
    // Where the whole of it lies in its unit, and this rank's part, in the unit's memory.
    at::Tensor region;
    at::Tensor part;
  };
  // A parameter in an update.
  struct Changed {
    size_t parameter;
    at::Tensor values;
    at::Tensor gradient;
  };

  // Throws c10::Error where two of these lie in one memory.
  void check_are_apart(const std::vector<size_t>& stepped) const;
  ParameterSlots lay_out(std::vector<NamedParameter> parameters,
                         const internal::BucketSizes& sizes);

  Communicator& communicator_;
  std::vector<Unit> units_;
  std::vector<size_t> whole_;
  // By parameter; nothing of those in no unit.
  std::unordered_map<size_t, Member> members_;
  std::unordered_map<const c10::TensorImpl*, size_t> index_of_;
  ParameterSlots slots_;
  std::vector<Changed> changed_;
};

}  // namespace accelerate
