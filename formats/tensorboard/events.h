// Part of the event files; not for others. TensorBoard's events, as the bytes of a record.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "formats/metrics/record.h"
#include "formats/tensorboard/event_writer.h"
#include "formats/tensorboard/histogram.h"

namespace accelerate::tensorboard {

// The event that a file begins with.
std::string version_event(double time);
// The event of a run that resumes from an earlier step: TensorBoard then ignores what earlier files
// have of this step and of later ones.
std::string start_event(double time, std::int64_t step);

// Numbers become scalars, and texts become texts.
std::string record_event(const metrics::Record& record);
std::string histogram_event(const Place& place, const Histogram& histogram);
std::string image_event(const Place& place, const Image& size, absl::string_view png);
std::string session_start_event(const HyperParameters& parameters, absl::string_view group,
                                double time);
std::string session_end_event(double time);
std::string layout_event(const Layout& layout, double time);

}  // namespace accelerate::tensorboard
