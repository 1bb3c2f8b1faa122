// Lays out the trainable parameters of a model in units that are cut over the ranks. Every rank
// always has all parameters, but while an optimizer steps, each parameter is this rank's part of
// itself. Afterwards the ranks exchange the parts that they have updated, in place.
//
//   ShardedParameters store(communicator, parameters, {.first_mb = 1, .cap_mb = 25});
//   store.begin_update(stepped);
//   adamw.step();             // steps this rank's part of each parameter
//   store.end_update(/*is_complete=*/true);
//
// A unit has the parameters of one bucket of gradients. Parameters of complex types, which cannot
// be cut, and empty ones are whole on every rank, and every rank steps them. See parameter_slots.h
// for the memory of parameters; one that is not moved into its slot costs two copies in each step.
// Not thread-safe; not for frozen parameters.
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
    // Indices of the unit's parameters, in the order of the layout's places.
    std::vector<size_t> members;
    FlatBuffer values;
  };

  // The parameters are trainable and distinct, in registration order, and the same on all ranks.
  // The communicator must outlive this object.
  ShardedParameters(Communicator& communicator, std::vector<NamedParameter> parameters,
                    const internal::BucketSizes& sizes);

  const std::vector<NamedParameter>& parameters() const override { return slots_.parameters(); }
  const std::vector<Unit>& units() const { return units_; }
  // Indices of the parameters that are in no unit.
  const std::vector<size_t>& whole() const { return whole_; }

  // If the program holds a slot, the parameters move to new memory, because end_update() writes the
  // parts of all ranks there. The layout stays, so a rank may do this alone.
  bool restore() override;
  // Outside of an update, the parameters are always whole.
  void gather() override {}
  void release() override {}
  const PartPlace* place_of(const at::Tensor& parameter) const override;
  void begin_update(const std::vector<at::Tensor>& stepped) override;
  void end_update(bool is_complete) override;

 private:
  struct Member {
    size_t unit;
    PartPlace place;
    // The whole parameter in the unit's memory, and this rank's part of it.
    at::Tensor region;
    at::Tensor part;
  };
  // A parameter during an update, with its tensors from before.
  struct Changed {
    size_t parameter;
    at::Tensor values;
    at::Tensor gradient;
  };

  // Throws c10::Error if two of these share memory.
  void check_are_apart(const std::vector<size_t>& stepped) const;
  ParameterSlots lay_out(std::vector<NamedParameter> parameters,
                         const internal::BucketSizes& sizes);
  // Gives the units memory, and returns the slots there of the parameters that can be moved.
  std::vector<at::Tensor> allocate(const std::vector<NamedParameter>& parameters);

  Communicator& communicator_;
  std::vector<Unit> units_;
  std::vector<size_t> whole_;
  // By index of the parameter; without those that are in no unit.
  std::unordered_map<size_t, Member> members_;
  std::unordered_map<const c10::TensorImpl*, size_t> index_of_;
  ParameterSlots slots_;
  std::vector<Changed> changed_;
};

}  // namespace accelerate
