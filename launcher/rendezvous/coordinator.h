// Makes the machines of a job agree on who takes part, on a common start, on stopping everywhere
// after a failure anywhere, and on restarts. It runs on machine 0.
//
// Example:
//   absl::StatusOr<std::unique_ptr<Coordinator>> made =
//       Coordinator::make(std::move(socket), {.num_machines = 2, .own_hello = hello});
//   if (!made.ok()) return made.status();
//   Coordinator& coordinator = **made;
//   // Machine 0 is one like the others.
//   Member member({.hello = hello, .num_machines = 2}, *coordinator.connect_own());
//   while (!coordinator.is_over()) {
//     std::vector<pollfd> polled;
//     coordinator.add_to(polled);
//     member.add_to(polled);
//     poll(polled.data(), polled.size(), /*timeout=*/100);  // Or as both wait() say.
//     coordinator.handle();
//     member.handle();
//   }
//
// Nothing in it waits, so it can run in the loop of machine 0's launcher, and slow machines and
// strangers do not delay the others. Not for values of the training: those are exchanged through
// LibTorch's store.
#pragma once

#include <poll.h>

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/posix/address.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/rendezvous/connection.h"
#include "launcher/rendezvous/message.h"
#include "launcher/request/rendezvous_settings.h"

namespace accelerate::launcher {

struct CoordinatorOptions {
  int num_machines = 2;
  int max_restarts = 0;
  Hello own_hello = {};  // Machine 0's; the job's id and terms of others must match.
  RendezvousSettings settings = {};
  // Gets a sentence for each machine that was rejected or went away before the start.
  std::function<void(const std::string& remark)> remark = [](const std::string&) {};
};

// Not thread-safe.
class Coordinator {
 public:
  // `socket` listens; it becomes non-blocking.
  static absl::StatusOr<std::unique_ptr<Coordinator>> make(FileDescriptor socket,
                                                           CoordinatorOptions options);

  // Makes a connection that is accepted without a check, over which machine 0 sends its hello.
  absl::StatusOr<FileDescriptor> connect_own();

  // What to poll, and for how long at most; then handle() does what can be done.
  void add_to(std::vector<pollfd>& polled) const;
  std::optional<std::chrono::milliseconds> wait() const;
  void handle();

  // The job has ended, and all machines have been told.
  bool is_over() const;

  // The machines that are not ready for the next attempt: "machines 1, 2 of 3".
  std::string missing_machines() const;

  // The address by which other machines reached this one; empty before that.
  const Address& reached_address() const { return reached_address_; }

 private:
  using Clock = std::chrono::steady_clock;

  // A connection that has not sent a valid hello yet.
  struct Stranger {
    Connection connection;
    Address address;
    Clock::time_point deadline;
    bool is_own = false;
  };

  struct Machine {
    Connection connection;
    Address address;
    int num_processes = 1;
    bool is_ready = false;
    int store_port = 0;
    std::string store_secret = "";
    bool has_ended = false;
  };

  Coordinator(FileDescriptor socket, CoordinatorOptions options);

  enum class Phase { kGathering, kRunning, kOver };

  int count(bool Machine::*member) const;
  void accept_strangers();
  void drop_oldest_stranger();
  void hear_strangers();
  bool hear(Stranger& stranger);
  void admit(Stranger& stranger, const Hello& hello);
  void remark(const std::string& text);
  std::optional<int> first_free_rank() const;
  std::optional<std::string> objection(const Hello& hello) const;
  std::optional<std::string> objection_to_rank(const std::optional<int>& rank) const;
  std::optional<std::string> objection_to_size(const Hello& hello) const;
  std::string name_of(int rank) const;
  void hear_machines();
  void hear(int rank, const Message& message);
  void note_end(int rank, const MachineEnd& end);
  void lose(int rank, const std::string& reason);
  void start_when_ready();
  void finish_when_ended();
  void give_up_when_late();
  void gather();
  void stop(const Stop& stop);
  void broadcast(const Message& message);

  FileDescriptor socket_;
  CoordinatorOptions options_;
  std::list<Stranger> strangers_;
  std::vector<std::optional<Machine>> machines_;  // By rank.
  Phase phase_ = Phase::kGathering;
  int attempt_ = 0;
  Clock::time_point deadline_;  // For all machines to be ready.
  int remarks_ = 0;
  Address reached_address_;
};

}  // namespace accelerate::launcher
