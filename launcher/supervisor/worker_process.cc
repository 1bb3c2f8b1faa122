#include "launcher/supervisor/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "launcher/posix/line_output.h"

namespace accelerate::launcher {
namespace {

void become_stream(int pipe, int stream) {
  if (pipe < 0) return;
  dup2(pipe, stream);
  close(pipe);
}

}  // namespace

// Note [Sessions and the terminal]
//
// Each worker leads a session, and so a process group, in which it can be stopped together with all
// that it starts. A group of its own within the terminal's session would not do: in the background
// there, rank 0 would be stopped by SIGTTIN when it reads from the terminal. Outside of that
// session the terminal lets it read, and Ctrl-C reaches the supervisor alone, which passes it on
// once. Only where the whole job runs in the background does rank 0 get an empty input, lest it
// take what is typed for the shell.

// noexcept: an exception must end the worker here and not reach a handler of the supervisor's
// caller, who would go on as a second supervisor.
[[noreturn]] void run_worker(const WorkerStart& start,
                             const std::function<int()>& worker) noexcept {
  // -1 where standard input is no terminal, or not that of this session.
  const pid_t foreground = tcgetpgrp(STDIN_FILENO);
  const bool is_background_job = foreground >= 0 && foreground != getpgrp();
  setsid();  // Note [Sessions and the terminal]
  start.watchdog.hand_over(getpid());
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Where the system lets only ancestors look into a process (Yama): the supervisor's debugger is
  // none.
  prctl(PR_SET_PTRACER, static_cast<unsigned long>(start.supervisor), 0, 0, 0);
  // The request came too late where the parent has died by now.
  if (getppid() != start.supervisor) _exit(128 + SIGKILL);

  if (!start.keeps_stdin || is_background_job) {
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    close(null);
  }
  become_stream(start.stdout_pipe, STDOUT_FILENO);
  become_stream(start.stderr_pipe, STDERR_FILENO);
  print_line_by_line();
  apply_environment_changes(start.variables);
  if (!start.cpus.empty() && !bind_to(start.cpus)) {
    std::fprintf(stderr,
                 "accelerate: process %d cannot be bound to the CPUs %s and runs on any: %s; check "
                 "the CPUs that this job may use (taskset -p $$).\n",
                 getpid(), cpu_list(start.cpus).c_str(), std::strerror(errno));
  }
  std::exit(worker());
}

}  // namespace accelerate::launcher
