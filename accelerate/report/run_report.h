// Where the time of a run goes, over all ranks: phases of a step, samples per second, the share of
// the machine's peak that the model gets, memory, and how much of the time since the run first
// began was spent on steps that count.
//
//   accelerator.measure_steps();
//   train_some();
//   const RunReport report = accelerator.report({.tokens_per_sample = 1024});
//   if (accelerator.is_main_process()) std::cout << report;
//   report.save_page("report.html");
//
// Not for single operators: that is a profiler's trace.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "accelerate/report/step_meter.h"

namespace accelerate {

struct ReportOptions {
  // Tokens in a sample of a language model; 0 where samples have none.
  double tokens_per_sample = 0;
  // Floating-point operations that the device of one rank can do in a second, by its data sheet. 0:
  // for GPUs that are known, that figure; for others and for CPUs, what a large matrix product
  // reaches, which is measured once and takes up to a second.
  double peak_flops = 0;
};

struct MeasureOptions {
  // After so many steps of the main process the next log() also hands its trackers what it measured
  // in the steps since the last time, as "report/time/forward" and so on, without waiting for
  // anybody. 0: never.
  int64_t log_every = 0;
  // For these figures. A peak that nobody knows is not measured for them.
  ReportOptions report = {};
};

// Of one process.
struct RankReport {
  MeasuredSteps measured;
  // The most bytes that it has had: of a GPU in tensors, of a CPU's process altogether.
  int64_t peak_memory = 0;
  double peak_flops = 0;
};

struct RunReport {
  // By rank; on rank 0 and all others alike.
  std::vector<RankReport> ranks;
  double tokens_per_sample = 0;
  // Whether peak_flops was measured, and is not of a data sheet.
  bool is_peak_measured = false;
  // The share of the time since the run first began, over all its restarts, that steps took whose
  // results it still has; 0 where it has none.
  double goodput = 0;

  // Means over the ranks that have measured steps, in seconds.
  double step_seconds() const;
  double phase_seconds(Phase phase) const;
  // Of all processes together. 0 where the loader does not count samples.
  double samples_per_second() const;
  double tokens_per_second() const;
  double flops_per_second() const;
  // Model FLOP/s over the peak (MFU), between 0 and 1 where the peak is one.
  double share_of_peak() const;

  // By name, for a tracker: "time/forward", "samples_per_second", ...
  std::map<std::string, double> values() const;
  // A page for a browser that needs no other file, there in full or not at all. Throws c10::Error
  // that names the file.
  void save_page(const std::string& path) const;
};

// A table for people, of several lines.
std::ostream& operator<<(std::ostream& out, const RunReport& report);

}  // namespace accelerate
