// A text file about the ranks of a machine: which ranks differ, and for each rank its progress, its
// last collectives and the stacks of its threads.
//
// Example:
//   const FlightMemory& record = *memory;
//   FlightView view = look_at(record);
//   read_all_stacks(view);
//   absl::StatusOr<std::string> path = write_flight_report(view, {.folder = "logs"});
//   if (path.ok()) std::cout << "see " << *path << "\n";
//
// Not for programs: it is for people, and its format may change.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/flight_record/flight_view.h"

namespace accelerate::launcher {

struct FlightReportOptions {
  std::string occasion = "";  // Why, as a sentence's end: "as SIGQUIT has come".
  std::string folder = ".";   // For a new file, named after the ranks and the time.
  std::string path = "";      // Or the file that a person named, which is replaced.
};

// Fills in the stacks of all running ranks, one after the other. After `limit` it begins no further
// rank.
void read_all_stacks(FlightView& view, std::chrono::milliseconds limit = std::chrono::minutes(2));

std::string flight_report(const FlightView& view, const FlightReportOptions& options);

// Returns the path of the file. An error names it, and says what to do.
absl::StatusOr<std::string> write_flight_report(const FlightView& view,
                                                const FlightReportOptions& options);
// Replaces a file that write_flight_report() made and named by one that has more.
absl::Status rewrite_flight_report(const std::string& path, const FlightView& view,
                                   const FlightReportOptions& options);

}  // namespace accelerate::launcher
