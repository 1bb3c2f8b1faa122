// write_run FOLDER: writes a run with something of each kind into the folder, as two processes of
// which the second goes on at step 3, and prints what could not be written.
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "formats/tensorboard/event_writer.h"

namespace {

using accelerate::tensorboard::EventWriter;

constexpr double kBegin = 1764460000.5;

bool is_written(const std::vector<absl::Status>& all) {
  bool is_ok = true;
  for (const absl::Status& status : all) {
    if (status.ok()) continue;
    std::cerr << status << "\n";
    is_ok = false;
  }
  return is_ok;
}

std::vector<absl::Status> first_process(const std::string& folder) {
  EventWriter writer(folder);
  std::vector<absl::Status> all;
  all.push_back(
      writer.begin_session({{"lr", 0.1}, {"nesterov", true}, {"optimizer", "sgd"}}, "first"));
  for (int step = 0; step < 5; ++step)
    all.push_back(writer.add({.step = step,
                              .time = kBegin + step,
                              .values = {{"loss", 1.0 / (1 + step)},
                                         {"tokens", std::int64_t{4096} * step},
                                         {"note", "sch\u00f6n **bold**"}}}));
  const double infinity = std::numeric_limits<double>::infinity();
  all.push_back(writer.add({.step = 2, .time = kBegin, .values = {{"odd/infinite", -infinity}}}));
  std::vector<double> weights;
  for (int i = -50; i <= 50; ++i) weights.push_back(i / 4.0);
  all.push_back(writer.add_histogram({"weights", 2, kBegin}, weights));
  const std::string pixels =
      "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
      "\xf1\xf2\xf3\xf4\xf5\xf6";
  all.push_back(writer.add_image({"faces/0", 2, kBegin},
                                 {.width = 2, .height = 3, .channels = 3, .pixels = pixels}));
  all.push_back(writer.add_layout({{"losses", {{"both", {"loss", "eval/.*"}}}}}));
  return all;
}

std::vector<absl::Status> second_process(const std::string& folder) {
  EventWriter writer(folder);
  return {writer.begin_at(3),
          writer.add({.step = 3, .time = kBegin + 10, .values = {{"loss", 7.0}}}),
          writer.end_session()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_run FOLDER\n";
    return 2;
  }
  const bool first = is_written(first_process(argv[1])),
             second = is_written(second_process(argv[1]));
  return first && second ? 0 : 1;
}
