#include "accelerate/data/loader_position.h"

#include <c10/util/Exception.h>

namespace accelerate::internal {
namespace {

constexpr int64_t kVersion = 1;

}  // namespace

State LoaderPosition::to_state() const {
  State state;
  state.set("version", kVersion);
  state.set("epoch", epoch);
  state.set("consumed", consumed);
  state.set("next_epoch", next_epoch);
  state.set("unit", unit);
  state.set("size", size);
  if (seed) state.set("seed", static_cast<int64_t>(*seed));
  if (!stream.values().empty()) {
    state.set("stream_consumed", stream_consumed);
    state.set_all("stream", stream);
  }
  return state;
}

LoaderPosition LoaderPosition::from_state(const State& state) {
  const int64_t version = state.integer("version");
  TORCH_CHECK(version == kVersion, "the loader's state is of version ", version,
              ", but this program reads version ", kVersion,
              "; load it with the version of the library that saved it");
  LoaderPosition position{.epoch = state.count("epoch"),
                          .consumed = state.count("consumed"),
                          .next_epoch = state.count("next_epoch"),
                          .unit = state.text("unit"),
                          .size = state.count("size"),
                          .stream = state.part("stream")};
  // A stream has no size.
  TORCH_CHECK(position.size == 0 || position.consumed <= position.size,
              "`consumed` of the loader's state is ", position.consumed, ", and its epoch has ",
              position.size, " ", position.unit, "; load a state that a loader has saved");
  if (state.contains("stream_consumed")) position.stream_consumed = state.count("stream_consumed");
  if (state.contains("seed")) position.seed = static_cast<uint64_t>(state.integer("seed"));
  return position;
}

void LoaderPosition::check_fits(const std::string& loaders_unit, int64_t loaders_size) const {
  if (consumed == 0) return;
  TORCH_CHECK(unit == loaders_unit, "the loader's state counts ", unit, ", and this loader counts ",
              loaders_unit, "; load it into a loader of the same data set and sampler");
  TORCH_CHECK(size == loaders_size, "the loader's state is within an epoch of ", size, " ", unit,
              ", and an epoch of this loader has ", loaders_size,
              "; load it into a loader of the same data, or begin the next epoch with set_epoch()");
}

}  // namespace accelerate::internal
