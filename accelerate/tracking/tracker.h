// The base class of trackers, which keep the values that a run logs. Derive from it to add your own
// beside the library's, for example one that prints:
//
//   class PrintingTracker final : public Tracker {
//    public:
//     std::string_view name() const override { return "printing"; }
//     void start(const TrackedRun& run) override { std::cout << "run " << run.name << "\n"; }
//     void log(const metrics::Record& record) override {
//       for (const auto& [name, value] : record.values)
//         std::cout << record.step << " " << name << "\n";
//     }
//   };
//
// Its methods are called only on the main process, by one thread, in the order in which the program
// logs. An exception from them ends the run; a tracker whose network is down, for example, should
// warn and continue instead. Not for averaging over ranks, which has been done by then.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "accelerate/tracking/values.h"
#include "formats/metrics/log_position.h"
#include "formats/metrics/record.h"

namespace accelerate {

struct TrackedRun {
  // The name of its folder: that of init_trackers(), with a number appended if another run has it
  // already.
  std::string name = {};
  // The folder of its files. Empty if no tracker needs one.
  std::string folder = {};
  RunSettings settings = {};
};

// An image in the host's memory.
struct LoggedImage {
  int64_t width = 0;
  int64_t height = 0;
  // 1: grey; 3: red, green and blue; 4: these and alpha.
  int64_t channels = 3;
  // One byte for each channel of each pixel, row by row.
  std::string_view pixels = {};
};

class Tracker {
 public:
  virtual ~Tracker() = default;

  // The name by which get_tracker() finds it.
  virtual std::string_view name() const = 0;
  // Whether it writes files to the run's folder.
  virtual bool needs_folder() const { return false; }

  // Called before everything else, and again when a run continues from a loaded checkpoint.
  virtual void start(const TrackedRun& run) = 0;
  // Called after start() of such a run: removes what was logged after `end`.
  virtual void rewind(const metrics::LogPosition& /*end*/) {}

  virtual void log(const metrics::Record& record) = 0;
  // Return whether the tracker keeps images and histograms; by default it does not.
  virtual bool log_image(const std::string& /*name*/, int64_t /*step*/,
                         const LoggedImage& /*image*/) {
    return false;
  }
  virtual bool log_histogram(const std::string& /*name*/, int64_t /*step*/,
                             std::span<const double> /*values*/) {
    return false;
  }

  // Makes what was logged visible to others, such as readers of a file.
  virtual void flush() {}
  // Called once, at the end or before another start().
  virtual void finish() {}
};

}  // namespace accelerate
