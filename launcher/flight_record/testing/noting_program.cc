// A program whose ranks note collectives without having any: `noting_program ACTION...`, an action
// for each rank, the last one for all that follow. The ranks of a launcher wait until all of them
// have been started; each notes one collective that has ended, says that it is ready, and does then
// for ever, as its action says:
//   wait     wait for the others in all_gather 2
//   branch   wait for them in all_reduce 2, which the others do not call
//   sleep    sleep in train_step()
//   spin     count in train_step()
//   stop     be stopped
//   save     be busy with a long operation
//   gpu      give a GPU all_gather 2
//   handler  handle SIGQUIT by itself
//   leave    nothing: it ends
//   silent   sleep, without a note of any kind
// FILE:wait waits in all_gather 2 until there is that file, and then in all_gather 3. FILE:save
// makes the file once the operation has begun, and FILE:after waits as `wait` does once it is
// there.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <source_location>
#include <string>
#include <vector>

#include "launcher/env/worker_environment.h"
#include "launcher/flight_record/flight_recorder.h"

namespace accelerate::launcher {
namespace {

void say(const char* what, int rank) {
  std::printf("%s %d\n", what, rank);
  std::fflush(stdout);
}

std::string action_of(int rank, const std::vector<std::string>& actions) {
  return actions[std::min<std::size_t>(static_cast<std::size_t>(rank), actions.size() - 1)];
}

void await(const std::string& file) {
  while (!std::filesystem::exists(file)) usleep(10'000);
}

// So that none is late when another begins to wait.
void meet(const WorkerEnvironment& worker, const std::vector<std::string>& actions) {
  const char* temporary = std::getenv("TEST_TMPDIR");
  const std::string folder = std::string(temporary == nullptr ? "/tmp" : temporary) + "/noting_" +
                             std::to_string(getppid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/" + std::to_string(worker.rank)) << "";
  const int first = worker.rank - worker.local_rank;
  for (int rank = first; rank < first + worker.local_world_size; ++rank)
    if (action_of(rank, actions) != "silent") await(folder + "/" + std::to_string(rank));
}

void note_and_wait(CollectiveKind kind, std::uint64_t number, const std::string& file = "") {
  CollectiveFacts facts = {
      .number = number, .num_ranks = 4, .kind = kind, .type = ElementType::kFloat};
  facts.set_sizes({1000, 10});
  const PlaceScope place("gather", std::source_location::current());
  FlightRecorder& recorder = FlightRecorder::of_process();
  const FlightTicket ticket = recorder.begin(facts);
  recorder.wait(ticket);
  while (file.empty()) pause();
  await(file);
  recorder.end(ticket);
}

volatile unsigned counted = 0;

[[gnu::noinline]] void train_step(bool sleeps) {
  while (true) {
    if (sleeps) sleep(1000);
    counted = counted + 1;
  }
}

int run(const std::vector<std::string>& actions) {
  const WorkerEnvironment worker = (*read_worker_environment()).value_or(WorkerEnvironment{});
  std::string action = action_of(worker.rank, actions);
  std::string file;
  if (const std::size_t colon = action.find(':'); colon != std::string::npos) {
    file = action.substr(0, colon);
    action = action.substr(colon + 1);
  }
  FlightRecorder& recorder = FlightRecorder::of_process();
  if (action == "handler") {
    signal(SIGQUIT, [](int) {
      constexpr char kText[] = "my own handler\n";
      [[maybe_unused]] const ssize_t size = write(STDOUT_FILENO, kText, sizeof(kText) - 1);
    });
  }
  if (action != "silent") {
    recorder.attach({.path = worker.flight_record,
                     .local_rank = worker.local_rank,
                     .rank = worker.rank,
                     .world_size = worker.world_size});
    if (!worker.flight_record.empty()) meet(worker, actions);
    recorder.set_step(7);
    recorder.end(recorder.begin({.number = 1, .num_ranks = 4, .kind = CollectiveKind::kBarrier}));
  }
  say("ready", worker.rank);
  if (action == "after") await(file);
  if (action == "after") note_and_wait(CollectiveKind::kAllGather, 2);
  if (action == "wait") note_and_wait(CollectiveKind::kAllGather, 2, file);
  if (action == "wait") note_and_wait(CollectiveKind::kAllGather, 3);
  if (action == "branch") note_and_wait(CollectiveKind::kAllReduce, 2);
  if (action == "gpu") {
    recorder.end(recorder.begin(
        {.number = 2, .num_ranks = 4, .kind = CollectiveKind::kAllGather, .is_on_gpu = true}));
    pause();
  }
  if (action == "stop") raise(SIGSTOP);
  if (action == "save") new LongOperation("saving a checkpoint");
  if (action == "save" && !file.empty()) std::ofstream(file) << "";
  if (action == "leave") return 0;
  train_step(action != "spin");
  return 0;
}

}  // namespace
}  // namespace accelerate::launcher

int main(int argc, char** argv) { return accelerate::launcher::run({argv + 1, argv + argc}); }
