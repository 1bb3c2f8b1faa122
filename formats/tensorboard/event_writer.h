// Writes an event file that TensorBoard shows, as PyTorch's SummaryWriter does.
//
// Example:
//   tensorboard::EventWriter writer("runs/first");
//   for (const metrics::Record& record : records) {
//     const absl::Status status = writer.add(record);
//     if (!status.ok()) std::cerr << status.message() << "\n";  // And go on.
//   }
//
// Each call hands its event to the system, so that a process that is killed loses none. What does
// not get to the disk in full is left out, and what comes later is whole again. Not for several
// runs: each has a folder of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/metrics/growing_file.h"
#include "formats/metrics/record.h"
#include "formats/tensorboard/image.h"

namespace accelerate::tensorboard {

// Where in a run something is shown.
struct Place {
  // Its name. What stands before a slash in it makes a group.
  std::string tag = {};
  std::int64_t step = 0;
  // Seconds since 1970.
  double time = 0;
};

using HyperParameters =
    std::vector<std::pair<std::string, std::variant<bool, double, std::string>>>;

// Charts of the tab "Custom scalars".
struct Chart {
  std::string title = {};
  // The scalars that it shows; regular expressions.
  std::vector<std::string> tags = {};
};
struct ChartGroup {
  std::string title = {};
  std::vector<Chart> charts = {};
};
using Layout = std::vector<ChartGroup>;

// Not thread-safe. What a function returns is what GrowingFile::append() does.
class EventWriter {
 public:
  // Of a new file in the folder, behind those that are there. It is made by the first event.
  explicit EventWriter(const std::string& folder);

  const std::string& path() const { return file_.path(); }

  // Leaves out what earlier files have of this step and of later ones: a run goes on from there.
  absl::Status begin_at(std::int64_t step);

  // Numbers become scalars, which have the precision of a float, and texts, as Markdown, texts.
  absl::Status add(const metrics::Record& record);
  absl::Status add_histogram(const Place& place, std::span<const double> values);
  // InvalidArgument where the image's sizes do not fit together.
  absl::Status add_image(const Place& place, const Image& image);

  // For the tab "HParams", in which runs are compared: at the beginning and at the end of a run.
  absl::Status begin_session(const HyperParameters& parameters, absl::string_view run);
  absl::Status end_session();
  absl::Status add_layout(const Layout& layout);

 private:
  absl::Status append(const std::string& event);

  metrics::GrowingFile file_;
};

}  // namespace accelerate::tensorboard
