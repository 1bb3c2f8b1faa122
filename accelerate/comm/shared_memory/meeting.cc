#include "accelerate/comm/shared_memory/meeting.h"

#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "accelerate/comm/shared_memory/descriptor_mailbox.h"
#include "accelerate/comm/shared_memory/host_identity.h"
#include "accelerate/comm/shared_memory/life_line.h"

namespace accelerate::internal {
namespace {

void write_bytes(std::ostream& text, const std::string& bytes) {
  text << bytes.size() << ' ' << bytes << ' ';
}

std::string read_bytes(std::istream& text) {
  size_t size = 0;
  text >> size;
  text.get();
  std::string bytes(size, '\0');
  text.read(bytes.data(), static_cast<std::streamsize>(size));
  return bytes;
}

// Every rank's text, in rank order. One rank puts them together: where each read what each had
// written, the store would have to find as many values as there are pairs of ranks.
std::vector<std::string> exchange(c10d::Store& store, const std::string& topic,
                                  const std::string& text, const MeetingOptions& options) {
  const auto key_of = [&topic](int rank) { return topic + std::to_string(rank); };
  store.set(key_of(options.rank), text);
  if (options.rank == 0) {
    std::vector<std::string> keys;
    for (int rank = 0; rank < options.size; ++rank) keys.push_back(key_of(rank));
    std::ostringstream all;
    for (const std::vector<uint8_t>& each : store.multiGet(keys))
      write_bytes(all, {each.begin(), each.end()});
    store.set(topic + "_of_all", all.str());
  }
  std::istringstream all(store.get_to_str(topic + "_of_all"));
  std::vector<std::string> result;
  for (int rank = 0; rank < options.size; ++rank) result.push_back(read_bytes(all));
  return result;
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

// What a rank tells the others first.
struct Introduction {
  std::string host;
  int pid = 0;
  std::string mailbox;  // Empty where it can have none.
  std::set<int> cores;

  std::string to_text() const {
    std::ostringstream text;
    write_bytes(text, host);
    write_bytes(text, mailbox);
    text << pid;
    for (const int core : cores) text << ' ' << core;
    return text.str();
  }
  static Introduction from_text(const std::string& written) {
    Introduction result;
    std::istringstream text(written);
    result.host = read_bytes(text);
    result.mailbox = read_bytes(text);
    text >> result.pid;
    for (int core = 0; text >> core;) result.cores.insert(core);
    return result;
  }
};

std::string random_token() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
    throw std::runtime_error("getrandom gave no token");
  return std::string(reinterpret_cast<const char*>(bytes), sizeof(bytes));
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
  std::optional<DescriptorMailbox> mailbox;
  std::string obstacle = obstacle_to([&] { mailbox.emplace(); });
  const Introduction own{.host = host_identity() + ' ' + options.host,
                         .pid = getpid(),
                         .mailbox = mailbox ? mailbox->address() : std::string(),
                         .cores = usable_cores()};

  Meeting meeting;
  std::vector<Introduction> all;
  std::map<std::string, size_t> host_of;
  std::set<int> cores;
  for (const std::string& text : exchange(store, "introduction", own.to_text(), options)) {
    all.push_back(Introduction::from_text(text));
    const auto [host, is_new] = host_of.try_emplace(all.back().host, meeting.hosts.size());
    if (is_new) meeting.hosts.emplace_back();
    meeting.hosts[host->second].push_back(static_cast<int>(all.size()) - 1);
  }
  meeting.own_host = host_of.at(own.host);
  LanePeers& peers = meeting.peers;
  peers.ranks = meeting.hosts[meeting.own_host];
  for (const int rank : peers.ranks) {
    if (rank == options.rank) peers.own = static_cast<int>(peers.pids.size());
    peers.pids.push_back(all[rank].pid);
    cores.insert(all[rank].cores.begin(), all[rank].cores.end());
  }
  peers.crowded = cores.size() < peers.ranks.size();

  // The first rank of a host makes its memory and sends it to the others.
  const int64_t bytes = options.num_lanes * Lane::bytes(peers.size());
  const bool is_first = peers.own == 0;
  std::string token;
  if (is_first && obstacle.empty()) {
    obstacle = obstacle_to([&] {
      meeting.region = Region::create(bytes);
      token = random_token();
      for (const int rank : peers.ranks) {
        if (rank != options.rank && !all[rank].mailbox.empty())
          DescriptorMailbox::send(all[rank].mailbox, token, meeting.region->descriptor());
      }
    });
  }
  const auto tokens = exchange(store, "token", token, options);
  if (!is_first && obstacle.empty() && !tokens[peers.ranks[0]].empty()) {
    obstacle = obstacle_to(
        [&] { meeting.region = Region::open(mailbox->receive(tokens[peers.ranks[0]]), bytes); });
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
      meeting.obstacle = "rank " + std::to_string(rank) + ": " + obstacles[rank];
  }
  // Rank 0 may have the store, and end at once.
  if (store.add("readers", 1) == options.size) store.set("all_have_read", "");
  if (options.rank == 0) store.wait({"all_have_read"});
  return meeting;
}

}  // namespace accelerate::internal
