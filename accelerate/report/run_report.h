// Where the time of a run goes, over all ranks: the phases of a step, samples per second, the share
// of the machine's peak that the model reaches, memory, and how much of the time since the run
// first began was spent on steps whose results it still has.
//
//   accelerator.measure_steps();
//   train_some();
//   const RunReport report = accelerator.report({.tokens_per_sample = 1024});
//   if (accelerator.is_main_process()) std::cout << report;
//   report.save_page("report.html");
//
// Not for single operators: use a profiler's trace (accelerate/profile/profile.h).
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "accelerate/report/step_meter.h"

namespace accelerate {

struct ReportOptions {
  // Tokens in a sample of a language model; 0 if samples have no tokens.
  double tokens_per_sample = 0;
  // Floating-point operations per second of one rank's device, from its data sheet. 0: for known
  // GPUs that figure; for others and for CPUs, the speed of a large matrix product, which is
  // measured once and takes up to a second.
  double peak_flops = 0;
};

struct MeasureOptions {
  // After this many steps of the main process the next log() also writes the figures of the steps
  // since the last time to its trackers, as "report/time/forward" and so on, without waiting for
  // other ranks or a GPU. 0: never.
  int64_t log_every = 0;
  // The options of these figures. An unknown peak is not measured for them.
  ReportOptions report = {};
};

// The figures of one process.
struct RankReport {
  MeasuredSteps measured;
  // The peak in bytes: on a GPU of all tensors, on a CPU of the whole process.
  int64_t peak_memory = 0;
  double peak_flops = 0;
};

struct RunReport {
  // By rank; the same on all ranks.
  std::vector<RankReport> ranks;
  double tokens_per_sample = 0;
  // Whether peak_flops was measured, rather than taken from a data sheet.
  bool is_peak_measured = false;
  // The share of the time since the run first began, over all its restarts, that went into steps
  // whose results it still has; 0 if there are none.
  double goodput = 0;

  // Seconds, as means over the ranks that have measured steps.
  double step_seconds() const;
  double phase_seconds(Phase phase) const;
  // For all processes together. 0 if the loader does not count samples.
  double samples_per_second() const;
  double tokens_per_second() const;
  double flops_per_second() const;
  // Model FLOP/s divided by the peak (MFU): between 0 and 1 if the peak is correct.
  double share_of_peak() const;

  // By name, for a tracker: "time/forward", "samples_per_second", ...
  std::map<std::string, double> values() const;
  // Writes a self-contained page for a browser, completely or not at all. Throws c10::Error that
  // names the file.
  void save_page(const std::string& path) const;
};

// Writes a table of several lines for people to read.
std::ostream& operator<<(std::ostream& out, const RunReport& report);

}  // namespace accelerate
