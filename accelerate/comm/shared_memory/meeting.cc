#include "accelerate/comm/shared_memory/meeting.h"

#include <c10/util/Exception.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "accelerate/comm/shared_memory/descriptor_offer.h"
#include "accelerate/comm/shared_memory/host_identity.h"
#include "accelerate/comm/shared_memory/introduction.h"
#include "accelerate/comm/shared_memory/life_line.h"
#include "launcher/text/printable.h"

namespace accelerate::internal {
namespace {

[[noreturn]] void distrust(const std::string& topic) {
  TORCH_CHECK(
      false, "the value of `", topic,
      "` in the run's store was written by no process of this run, but by another program, or "
      "by another build of this one; start the same build everywhere, on its own port "
      "(MASTER_PORT)");
}

// Every rank's text, in rank order. One rank puts them together: where each read what each had
// written, the store would have to find as many values as there are pairs of ranks.
std::vector<std::string> exchange(c10d::Store& store, const std::string& topic,
                                  const std::string& text, const MeetingOptions& options) {
  const auto key_of = [&topic](int rank) { return topic + std::to_string(rank); };
  store.set(key_of(options.rank), text);
  if (options.rank == 0) {
    std::vector<std::string> keys, texts;
    for (int rank = 0; rank < options.size; ++rank) keys.push_back(key_of(rank));
    for (const std::vector<uint8_t>& each : store.multiGet(keys))
      texts.emplace_back(each.begin(), each.end());
    store.set(topic + "_of_all", joined(texts));
  }
  auto all = split(store.get_to_str(topic + "_of_all"), options.size);
  // Of this rank's own, it knows what it is.
  if (!all || all->at(options.rank) != text) distrust(topic);
  return *std::move(all);
}

std::set<int> usable_cores() {
  std::set<int> cores;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.insert(core);
  }
  return cores;
}

std::string pid_namespace() {
  char name[256] = {};
  const ssize_t length = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);
  return length > 0 ? std::string(name, length) : std::string();
}

// Calls the function; the message of what it throws, or nothing.
template <class Function>
std::string obstacle_to(Function&& function) {
  try {
    function();
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

void* Meeting::lane_memory(int lane) const {
  return static_cast<char*>(region->memory()) + lane * Lane::bytes(peers.size());
}

Meeting meet(c10d::Store& store, const MeetingOptions& options) {
  const Introduction own{.host = host_identity() + ' ' + options.host,
                         .pid_namespace = pid_namespace(),
                         .pid = getpid(),
                         .cores = usable_cores()};

  Meeting meeting;
  std::vector<Introduction> all;
  std::map<std::string, size_t> host_of;
  std::set<int> cores;
  for (const std::string& text : exchange(store, "introduction", to_text(own), options)) {
    const auto introduction = read_introduction(text);
    if (!introduction) distrust("introduction");
    all.push_back(*introduction);
    const auto [host, is_new] = host_of.try_emplace(all.back().host, meeting.hosts.size());
    if (is_new) meeting.hosts.emplace_back();
    meeting.hosts[host->second].push_back(static_cast<int>(all.size()) - 1);
  }
  meeting.own_host = host_of.at(own.host);
  const auto run_rank = [&](int rank) {
    return options.run_ranks.empty() ? rank : options.run_ranks.at(rank);
  };
  LanePeers& peers = meeting.peers;
  // As this process sees them; none where not all see the same numbers.
  std::set<pid_t> pids;
  bool have_one_namespace = !own.pid_namespace.empty();
  for (const int rank : meeting.hosts[meeting.own_host]) {
    if (rank == options.rank) peers.own = peers.size();
    peers.ranks.push_back(run_rank(rank));
    peers.pids.push_back(all[rank].pid);
    pids.insert(all[rank].pid);
    have_one_namespace = have_one_namespace && all[rank].pid_namespace == own.pid_namespace;
    cores.insert(all[rank].cores.begin(), all[rank].cores.end());
  }
  if (!have_one_namespace) pids.clear();
  peers.crowded = cores.size() < peers.ranks.size();

  // The first rank of a host makes its memory and offers it to the others.
  const int64_t bytes = options.num_lanes * Lane::bytes(peers.size());
  const bool is_first = peers.own == 0;
  std::string obstacle, place;
  std::optional<DescriptorOffer> offer;
  if (is_first) {
    obstacle = obstacle_to([&] {
      meeting.region = Region::create(bytes);
      offer.emplace(meeting.region->descriptor(), DescriptorOfferOptions{.pids = pids});
      place = joined({offer->address(), offer->token()});
    });
  }
  const int first = meeting.hosts[meeting.own_host][0];
  const std::string place_of_first = exchange(store, "offer", place, options)[first];
  if (!is_first && !place_of_first.empty()) {
    const auto words = split(place_of_first, 2);
    if (!words) distrust("offer");
    obstacle = obstacle_to([&] {
      const DescriptorSource source{.address = words->at(0),
                                    .token = words->at(1),
                                    .pid = have_one_namespace ? all[first].pid : 0};
      meeting.region = Region::open(take_descriptor(source, store.getTimeout()), bytes);
    });
  }
  if (meeting.region && obstacle.empty()) {
    obstacle = obstacle_to([&] { hold_life_line(meeting.region->descriptor(), peers.own); });
    peers.is_alive = [region = meeting.region](int peer) {
      return has_life_line(region->descriptor(), peer);
    };
  }

  // All have it, or nobody uses it.
  const auto obstacles = exchange(store, "obstacle", obstacle, options);
  for (int rank = 0; rank < options.size && meeting.obstacle.empty(); ++rank) {
    if (!obstacles[rank].empty())
      meeting.obstacle =
          "rank " + std::to_string(run_rank(rank)) + ": " + launcher::plain_start(obstacles[rank]);
  }
  // Rank 0 may have the store, and end at once.
  if (store.add("readers", 1) == options.size) store.set("all_have_read", "");
  if (options.rank == 0) store.wait({"all_have_read"});
  return meeting;
}

}  // namespace accelerate::internal
