#include <c10/util/Exception.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/hosts_backend.h"
#include "accelerate/comm/shared_memory/meeting.h"
#include "accelerate/comm/shared_memory_backend.h"

namespace accelerate::internal {

c10::intrusive_ptr<c10d::Backend> make_cpu_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                   const BackendOptions& options) {
  if (!options.shared_memory) return make_gloo_backend(store, options);
  c10d::PrefixStore meeting_store("shared_memory", store);
  Meeting meeting = meet(meeting_store, {.rank = options.rank,
                                         .size = options.size,
                                         .num_lanes = HostsBackend::kNumLanes,
                                         .host = options.host,
                                         .run_ranks = options.run_ranks});
  // Hosts of one process each have nothing to share.
  const size_t num_hosts = meeting.hosts.size();
  if (static_cast<int>(num_hosts) == options.size) return make_gloo_backend(store, options);
  if (!meeting.obstacle.empty()) {
    if (options.rank == 0) {
      TORCH_WARN("processes of one host cannot share memory (", meeting.obstacle,
                 "), so all of them use the network, which is slower; set ",
                 "process_group.shared_memory = false to do so without this warning");
    }
    return make_gloo_backend(store, options);
  }
  if (num_hosts == 1) {
    return c10::make_intrusive<SharedMemoryBackend>(std::move(meeting), options.timeout);
  }
  c10::intrusive_ptr<c10d::Backend> leaders;
  if (meeting.peers.own == 0) {
    BackendOptions of_leaders = options;
    of_leaders.rank = static_cast<int>(meeting.own_host);
    of_leaders.size = static_cast<int>(num_hosts);
    leaders =
        make_gloo_backend(c10::make_intrusive<c10d::PrefixStore>("leaders", store), of_leaders);
  }
  return c10::make_intrusive<HostsBackend>(std::move(meeting), std::move(leaders), options.rank,
                                           options.size, options.timeout);
}

}  // namespace accelerate::internal
