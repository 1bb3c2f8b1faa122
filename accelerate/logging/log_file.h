// A file that gets the lines of all loggers as well.
//
//   accelerate::set_log_file("train.log");                               // One for all ranks.
//   accelerate::set_log_file("train.log", {.of_each_rank = true});  // train.rank0.log, ...
//
// Not for the output of a program that knows no loggers: `accelerate launch --log_dir`.
#pragma once

#include <string>

namespace accelerate {

struct LogFileOptions {
  // A file for each rank, with the rank in its name, instead of one to whose end all ranks write.
  // For folders that machines share over a network, where lines of several machines may overwrite
  // each other.
  bool of_each_rank = false;
};

// From now on this process writes lines to the end of the file as well, and no more to that of an
// earlier call. Called by each process, such as in train(). Throws c10::Error where the file cannot
// be opened; a disk that is full later costs lines alone (logger.h). Thread-safe.
void set_log_file(const std::string& path, const LogFileOptions& options = {});

}  // namespace accelerate
