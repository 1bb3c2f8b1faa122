#include "accelerate/comm/roll_call.h"

#include <unistd.h>

#include <random>

#include "accelerate/comm/store/readable.h"

namespace accelerate::internal {
namespace {

std::string this_process() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return "process " + std::to_string(getpid()) + " on " + name;
}

// Two containers may have the same host name and process ids.
std::string random_mark() {
  std::random_device random;
  return '\n' + std::to_string(random()) + std::to_string(random());
}

}  // namespace

std::optional<std::string> answer_roll_call(c10d::Store& store, const RollCall& own) {
  const std::string remedy =
      "; start each rank once, and give each run a port of its own (MASTER_PORT)";
  if (own.rank != 0) {
    const std::string terms = store.get_to_str("terms");
    if (terms != own.terms) {
      return "rank 0 there is of a run of " + readable(terms) + ", and this process of one of " +
             own.terms + remedy;
    }
  }
  const std::string claim = this_process() + random_mark();
  const std::string holder =
      store.compareSet("rank_" + std::to_string(own.rank), std::string(), claim);
  if (holder != claim) {
    return "rank " + std::to_string(own.rank) + " has come already, as " +
           readable(holder.substr(0, holder.find('\n'))) + remedy;
  }
  if (own.rank == 0) store.set("terms", own.terms);
  return std::nullopt;
}

}  // namespace accelerate::internal
