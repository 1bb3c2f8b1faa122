// A text file about the ranks of a machine: who differs, and of each rank how far it is, its last
// collectives and where its threads are.
//
// Example:
//   const FlightMemory& record = *memory;
//   FlightView view = look_at(record);
//   read_all_stacks(view);
//   absl::StatusOr<std::string> path = write_flight_report(view, {.folder = "logs"});
//   if (path.ok()) std::cout << "see " << *path << "\n";
//
// Not for programs to read: it is for people, and may change.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/flight_record/flight_view.h"

namespace accelerate::launcher {

struct FlightReportOptions {
  std::string occasion = "";  // Why it is written, as a sentence's end: "as SIGQUIT has come".
  std::string folder = ".";   // Where a file is made that is called by the ranks and the time.
  std::string path = "";      // Or the file itself as a person names it: what is there is replaced.
};

// Fills in the stacks of all ranks that run, one after the other. From `limit` on no other rank is
// begun.
void read_all_stacks(FlightView& view, std::chrono::milliseconds limit = std::chrono::minutes(2));

std::string flight_report(const FlightView& view, const FlightReportOptions& options);

// The path of the file. An error names it, and what to do.
absl::StatusOr<std::string> write_flight_report(const FlightView& view,
                                                const FlightReportOptions& options);
// Replaces a file that the function above has made, and named, by one that knows more.
absl::Status rewrite_flight_report(const std::string& path, const FlightView& view,
                                   const FlightReportOptions& options);

}  // namespace accelerate::launcher
