// Makes the text of a bar: its words and its meter.
//
// Part of ProgressBar; not for others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accelerate::internal {

struct BarState {
  std::string description = "";
  std::optional<int64_t> total = std::nullopt;
  int64_t done = 0;
  double elapsed = 0;     // Seconds.
  double per_second = 0;  // 0 if not known.
  std::string unit = "it";
  bool unit_scale = false;
  std::string values = "";  // At the end: "loss=0.1, lr=0.003".
};

struct BarSpace {
  int columns = 80;
  bool has_blocks = true;  // Otherwise the meter is ASCII.
};

// "epoch 3:  45%|████▌     | 45/100 [00:03<00:04, 13.2 it/s, loss=0.1]", cut to the available
// columns: the meter is shortened first, then the description, then the end.
std::string bar_text(const BarState& state, const BarSpace& space);

// The same without the meter and at full length, for a log.
std::string line_text(const BarState& state);

}  // namespace accelerate::internal
