// A program that a test runs and talks to. It makes sure that nothing of the program is left.
//
// Example:
//   Subprocess program({.arguments = {"./program", "--flag"}});
//   program.wait_for_output("ready\n");
//   program.send_signal(SIGTERM);
//   EXPECT_EQ(program.wait(), 143);
//   EXPECT_TRUE(program.vanishes());
//
// Not for timing: a wait promises only that it ends the test, with a message, after four minutes.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

struct SubprocessOptions {
  std::vector<std::string> arguments;  // The program's path first.
  // The standard streams are a terminal, which the program controls; its output counts as output().
  bool on_terminal = false;
  bool leads_group = false;  // Leads a process group, which can be stopped, like a shell's job.
  std::vector<int> ignored_signals = {};
};

// Not thread-safe.
class Subprocess {
 public:
  explicit Subprocess(const SubprocessOptions& options);
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;
  // Kills what is left of the program and its descendants.
  ~Subprocess();

  pid_t pid() const { return pid_; }

  void send_signal(int signal) const;
  void write_input(const std::string& text) const;

  // Reads until the output, or the error output, has `text`.
  void wait_for_output(const std::string& text);
  void wait_for_errors(const std::string& text);

  void close_input() { input_.reset(); }

  // From now on nobody reads the program's output.
  void close_output() { output_pipe_.reset(); }

  // Waits until the program has ended and its streams are closed. Returns its exit code, or 128 +
  // the number of the signal that killed it.
  int wait();

  // What has been read so far.
  const std::string& output() const { return output_; }
  const std::string& errors() const { return errors_; }

  // The descendants that still run, the program itself included, wherever they have moved.
  std::vector<pid_t> descendants() const;

  // Waits until no descendants run; false if some still do when the test's time is
  // nearly over.
  bool vanishes() const;

 private:
  void read_until(const std::function<bool()>& condition);
  void read_available();

  std::string marker_;  // In the environment of all descendants.
  pid_t pid_ = -1;
  FileDescriptor input_;
  FileDescriptor output_pipe_;
  FileDescriptor error_pipe_;
  std::string output_;
  std::string errors_;
};

// How a program ended, and all that it printed.
struct ProgramEnd {
  int code = 0;
  std::string output = "";
  std::string errors = "";
};

// Runs a program to its end, and expects that nothing of it is left then.
ProgramEnd run_to_end(const SubprocessOptions& options);

// Waits until `condition` holds; false if it does not before the test's time is nearly over.
bool eventually(const std::function<bool()>& condition);

}  // namespace accelerate::launcher
