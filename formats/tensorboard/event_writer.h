// Writes an event file that TensorBoard shows, as PyTorch's SummaryWriter does.
//
// Example:
//   tensorboard::EventWriter writer("runs/first");
//   for (const metrics::Record& record : records) {
//     const absl::Status status = writer.add(record);
//     if (!status.ok()) std::cerr << status.message() << "\n";  // And go on.
//   }
//
// Each call hands its event to the system, so a killed process loses none. An event that cannot be
// written completely is left out, and later events are whole again. Not for several runs: each has
// its own folder.
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

// Where an item is shown in a run.
struct Place {
  // The name of the item. A part before a slash names a group.
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
  // The scalars that the chart shows; regular expressions.
  std::vector<std::string> tags = {};
};
struct ChartGroup {
  std::string title = {};
  std::vector<Chart> charts = {};
};
using Layout = std::vector<ChartGroup>;

// Not thread-safe. All functions return what GrowingFile::append() returns.
class EventWriter {
 public:
  // Writes a new file in the folder, after the existing ones. The first event creates it.
  explicit EventWriter(const std::string& folder);

  const std::string& path() const { return file_.path(); }

  // Makes TensorBoard ignore what earlier files have of this step and of later ones, because a run
  // resumes here.
  absl::Status begin_at(std::int64_t step);

  // Numbers become scalars, with the precision of a float; texts become texts, shown as Markdown.
  absl::Status add(const metrics::Record& record);
  absl::Status add_histogram(const Place& place, std::span<const double> values);
  // InvalidArgument if the sizes of the image contradict each other.
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
