// What keeps the values that a run logs, in a form of its own. A class of the program's takes its
// place beside those that are there, here one that prints:
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
// Its methods are called on the main process alone, by one thread, and in the order in which the
// program logs. What they throw ends the run, so that a tracker whose network is down, say, warns
// and goes on. Not for averaging over ranks, which is done before.
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
  // As its folder is called: that of init_trackers(), with a number behind it where there was such
  // a run already.
  std::string name = {};
  // Where it keeps its files. Empty where no tracker needs one.
  std::string folder = {};
  RunSettings settings = {};
};

// An image in the host's memory.
struct LoggedImage {
  int64_t width = 0;
  int64_t height = 0;
  // 1 of grey, 3 of red, green and blue, 4 of these and alpha.
  int64_t channels = 3;
  // A byte for each channel of each pixel, row by row.
  std::string_view pixels = {};
};

class Tracker {
 public:
  virtual ~Tracker() = default;

  // By which get_tracker() finds it.
  virtual std::string_view name() const = 0;
  // Whether it keeps files in the run's folder.
  virtual bool needs_folder() const { return false; }

  // Before everything else; and again where a run goes on from a checkpoint that was loaded.
  virtual void start(const TrackedRun& run) = 0;
  // After start() of such a run: takes back what was logged beyond this.
  virtual void rewind(const metrics::LogPosition& /*end*/) {}

  virtual void log(const metrics::Record& record) = 0;
  // Each of these says whether the tracker keeps such things; this one does not.
  virtual bool log_image(const std::string& /*name*/, int64_t /*step*/,
                         const LoggedImage& /*image*/) {
    return false;
  }
  virtual bool log_histogram(const std::string& /*name*/, int64_t /*step*/,
                             std::span<const double> /*values*/) {
    return false;
  }

  // Sees to it that what was logged gets to where others find it.
  virtual void flush() {}
  // Once, at the end, or before another start().
  virtual void finish() {}
};

}  // namespace accelerate
