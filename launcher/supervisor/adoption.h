// Adopts what the processes of a job leave behind: daemons, leaders of their own sessions, and
// children whose parents have ended. Somebody must wait for them, and end them with the job.
//
// Example:
//   Adoption adoption;
//   // Fork workers, with adoption.mark() among their variables.
//   adoption.reap({worker, watchdog});  // Whenever a child may have ended.
//   // When the workers have ended:
//   const std::vector<pid_t> left = adoption.end({worker, watchdog});
//
// Not for workers, which end in their process groups and get time to save (worker_group.h).
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace accelerate::launcher {

// Not thread-safe.
class Adoption {
 public:
  // From now on, orphans among the descendants of this process become its children (those of a
  // process with number 1 do anyhow).
  Adoption();
  Adoption(const Adoption&) = delete;
  Adoption& operator=(const Adoption&) = delete;
  ~Adoption();

  // A variable that distinguishes what a worker executes from other processes. If the launcher
  // itself runs in the job of another launcher, it has the marks of both.
  std::pair<std::string, std::string> mark() const;

  // Reaps the adopted children that have ended, so that they do not remain zombies. `others` are
  // children that somebody else reaps.
  void reap(const std::vector<pid_t>& others) const;

  // Kills the adopted children with all their descendants, and waits for them. In a process that
  // had children before, and in process 1, it kills only those with the mark, because the others
  // may belong to somebody else. Returns those that it could not kill.
  std::vector<pid_t> end(const std::vector<pid_t>& others) const;

 private:
  std::vector<pid_t> adopted(const std::vector<pid_t>& others) const;

  bool was_adopting_ = false;
  std::vector<pid_t> strangers_;  // Children from before.
  std::string id_;
};

// Kills each process that was executed with this mark. For a process that is not their ancestor.
void kill_marked(const std::pair<std::string, std::string>& mark);

}  // namespace accelerate::launcher
