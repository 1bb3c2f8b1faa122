// Where a loader is, in a few numbers that do not depend on ranks and workers: a loader with the
// same data and options can continue from there, in any number of processes.
//
//   const LoaderPosition position = {.epoch = 3, .consumed = 640, .next_epoch = 4, .seed = 42};
//   State state = position.to_state();
//   LoaderPosition::from_state(state).check_fits("samples", 1000);
//
// Part of the DataLoader; not for others, which use its state().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "accelerate/state/state.h"

namespace accelerate::internal {

struct LoaderPosition {
  // The epoch of the pass that is under way, or of the next one.
  int64_t epoch = 0;
  // How much of that epoch's order all processes together have received: samples, batches if a
  // batch sampler makes them, or elements of a stream.
  int64_t consumed = 0;
  // The epoch of the pass after it.
  int64_t next_epoch = 1;
  // The seed of the shuffle or the sampler.
  std::optional<uint64_t> seed = std::nullopt;
  // What `consumed` counts, and how much of it an epoch has; 0 for a stream.
  std::string unit = "samples";
  int64_t size = 0;
  // The stream's own state, if it has one, and how much of the stream was consumed at that point.
  State stream = {};
  int64_t stream_consumed = 0;

  State to_state() const;
  // Throws c10::Error if the state has another version.
  static LoaderPosition from_state(const State& state);
  // Throws c10::Error if the position is within an epoch of another kind or size.
  void check_fits(const std::string& loaders_unit, int64_t loaders_size) const;
};

}  // namespace accelerate::internal
