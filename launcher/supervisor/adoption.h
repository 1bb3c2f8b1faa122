// Takes in what the processes of a job leave behind: children that have daemonised, lead sessions
// of their own, or whose parents have ended. Somebody has to wait for them, and to end them with
// the job.
//
// Example:
//   Adoption adoption;
//   // Fork workers, with adoption.mark() among their variables.
//   adoption.reap({worker, watchdog});  // Whenever a child may have ended.
//   // When the workers have ended:
//   const std::vector<pid_t> left = adoption.end({worker, watchdog});
//
// Not for workers: those are ended in their process groups, with time to save (worker_group.h).
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

  // A variable by which what a worker executes can be told from other processes. Where the launcher
  // itself runs in another one's job, it has the marks of both.
  std::pair<std::string, std::string> mark() const;

  // Waits for the adopted children that have ended, whoever started them, so that they do not stay
  // as zombies. `others` are children for whom somebody else waits.
  void reap(const std::vector<pid_t>& others) const;

  // Kills the adopted children with all their descendants, and waits for them; in a process that
  // had children before, and in one with number 1, only those that have the mark, as the others may
  // be anyone's. Returns those that it could not kill.
  std::vector<pid_t> end(const std::vector<pid_t>& others) const;

 private:
  std::vector<pid_t> adopted(const std::vector<pid_t>& others) const;

  bool was_adopting_ = false;
  std::vector<pid_t> strangers_;  // Children from before.
  std::string id_;
};

// Kills each process that was executed with this mark. For a process that is no ancestor of theirs.
void kill_marked(const std::pair<std::string, std::string>& mark);

}  // namespace accelerate::launcher
