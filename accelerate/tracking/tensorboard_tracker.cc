#include "accelerate/tracking/tensorboard_tracker.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <type_traits>
#include <variant>

#include "formats/metrics/number_text.h"
#include "formats/metrics/wall_time.h"

namespace accelerate {
namespace {

tensorboard::HyperParameters hyper_parameters(const RunSettings& settings) {
  tensorboard::HyperParameters parameters;
  for (const auto& [name, setting] : settings) {
    std::visit(
        [&, &name = name](const auto& value) {
          using Kind = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Kind, int64_t>) {
            parameters.emplace_back(name, static_cast<double>(value));
          } else if constexpr (std::is_same_v<Kind, double>) {
            // TensorBoard hands numbers on as JSON, which has no others.
            if (std::isfinite(value)) {
              parameters.emplace_back(name, value);
            } else {
              parameters.emplace_back(name, metrics::number_text(value));
            }
          } else {
            parameters.emplace_back(name, value);
          }
        },
        setting.get());
  }
  return parameters;
}

}  // namespace

void TensorBoardTracker::start(const TrackedRun& run) {
  warning_.begin();
  writer_.emplace(run.folder);
  warning_.write_first([this, parameters = hyper_parameters(run.settings), name = run.name] {
    return writer_->begin_session(parameters, name);
  });
}

void TensorBoardTracker::rewind(const metrics::LogPosition& end) {
  if (end.step == std::numeric_limits<int64_t>::max()) return;  // Nothing is later.
  // Its readers know of whole steps alone. What is logged again of the last one stands beside what
  // was there; TensorBoard shows the later of the two.
  warning_.write_first([this, end] { return writer_->begin_at(end.step + 1); });
}

void TensorBoardTracker::log(const metrics::Record& record) {
  warning_.write([&] { return writer_->add(record); });
}

bool TensorBoardTracker::log_image(const std::string& name, int64_t step,
                                   const LoggedImage& image) {
  warning_.write([&] {
    return writer_->add_image({.tag = name, .step = step, .time = metrics::wall_time()},
                              {.width = static_cast<uint32_t>(image.width),
                               .height = static_cast<uint32_t>(image.height),
                               .channels = static_cast<int>(image.channels),
                               .pixels = {image.pixels.data(), image.pixels.size()}});
  });
  return true;
}

bool TensorBoardTracker::log_histogram(const std::string& name, int64_t step,
                                       std::span<const double> values) {
  warning_.write([&] {
    return writer_->add_histogram({.tag = name, .step = step, .time = metrics::wall_time()},
                                  values);
  });
  return true;
}

void TensorBoardTracker::finish() {
  warning_.write([&] { return writer_->end_session(); });
}

void TensorBoardTracker::log_layout(const tensorboard::Layout& layout) {
  warning_.write([&] { return writer_->add_layout(layout); });
}

}  // namespace accelerate
