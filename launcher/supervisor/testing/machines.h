// Several launchers that are the machines of one job, for tests.
//
// Example:
//   Machines machines({.num_machines = 2, .flags = {"--num_processes=4"}, .script = "echo $RANK"});
//   EXPECT_EQ(machines[1].wait(), 0);
//
// They run launching_program, whose path is in the variable LAUNCHING_PROGRAM, with a shell on each
// rank. Not for one machine: launching.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {

using Words = std::vector<std::string>;

struct MachinesOptions {
  int num_machines = 2;
  std::string address = "127.0.0.1";  // The address of machine 0.
  bool numbers_by_arrival = false;
  Words flags = {};
  std::string script = "true";
  // What to put before and after the flags of a machine, if machines differ.
  std::function<Words(int machine)> wrapper = [](int) { return Words(); };
  std::function<Words(int machine)> own_flags = [](int) { return Words(); };
};

class Machines {
 public:
  explicit Machines(const MachinesOptions& options);

  // Starts one more launcher for the same job, such as one that must be rejected.
  std::unique_ptr<Subprocess> start(int machine, const Words& own_flags = {});

  Subprocess& operator[](int machine) { return *machines_[machine]; }

  void wait_for_output_of_all(const std::string& text);
  std::vector<int> wait_for_all();
  // Whether no process of any machine is left.
  bool vanish();

 private:
  MachinesOptions options_;
  int port_ = 0;
  std::vector<std::unique_ptr<Subprocess>> machines_;
};

}  // namespace accelerate::launcher
