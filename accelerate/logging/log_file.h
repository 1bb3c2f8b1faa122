// Writes the lines of all loggers to a file as well.
//
//   accelerate::set_log_file("train.log");                               // One for all ranks.
//   accelerate::set_log_file("train.log", {.of_each_rank = true});  // train.rank0.log, ...
//
// Not for the output of a program that uses no loggers: use `accelerate launch --log_dir`.
#pragma once

#include <string>

namespace accelerate {

struct LogFileOptions {
  // A file for each rank, with the rank in its name, instead of one file to which all ranks append.
  // For folders that machines share over a network, where lines of several machines may overwrite
  // each other.
  bool of_each_rank = false;
};

// From now on this process also appends its lines to this file, and no longer to that of an earlier
// call. Call it in each process, such as in train(). Throws c10::Error if the file cannot be
// opened. If the disk becomes full later, only lines are lost (see logger.h). Thread-safe.
void set_log_file(const std::string& path, const LogFileOptions& options = {});

}  // namespace accelerate
