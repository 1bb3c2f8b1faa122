#include "formats/tensorboard/event_writer.h"

#include "absl/strings/str_cat.h"
#include "formats/metrics/wall_time.h"
#include "formats/tensorboard/event_file_name.h"
#include "formats/tensorboard/events.h"
#include "formats/tensorboard/histogram.h"
#include "formats/tensorboard/records.h"

namespace accelerate::tensorboard {

using metrics::wall_time;

EventWriter::EventWriter(const std::string& folder)
    : file_(new_event_file(folder, wall_time()), make_record(version_event(wall_time()))) {}

absl::Status EventWriter::append(const std::string& event) {
  return file_.append(make_record(event));
}

absl::Status EventWriter::begin_at(std::int64_t step) {
  return append(start_event(wall_time(), step));
}

absl::Status EventWriter::add(const metrics::Record& record) {
  return append(record_event(record));
}

absl::Status EventWriter::add_histogram(const Place& place, std::span<const double> values) {
  return append(histogram_event(place, make_histogram(values)));
}

absl::Status EventWriter::add_image(const Place& place, const Image& image) {
  const std::string png = encode_png(image);
  if (png.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "`", place.tag, "` is not an image of ", image.width, " by ", image.height, " pixels with ",
        image.channels, " channels: there are ", image.pixels.size(),
        " bytes of it; give one for each channel of each pixel, and 1 to 4 channels."));
  }
  return append(image_event(place, image, png));
}

absl::Status EventWriter::begin_session(const HyperParameters& parameters, absl::string_view run) {
  return append(session_start_event(parameters, run, wall_time()));
}

absl::Status EventWriter::end_session() { return append(session_end_event(wall_time())); }

absl::Status EventWriter::add_layout(const Layout& layout) {
  return append(layout_event(layout, wall_time()));
}

}  // namespace accelerate::tensorboard
