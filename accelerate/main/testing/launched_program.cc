// What the launch tests start: says what it was started as, then does what --do asks for.
#include <signal.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "accelerate/memory/out_of_memory.h"

ABSL_FLAG(int, epochs, 1, "a flag of the program's own");
ABSL_FLAG(bool, cpu, false, "a flag with the name of a launch flag");
ABSL_FLAG(std::string, path, "", "a file to read");
ABSL_FLAG(std::string, action, "nothing", "what to do after the report");

namespace {

bool tells_of_its_end = false;

struct Object {
  // Without the end of a line, which would flush it.
  ~Object() {
    if (tells_of_its_end) std::fputs("the program is gone.", stdout);
  }
} object;

// Registered before any library is initialised, so that it is called when they have all ended.
void tell_of_libraries(int, void*) {
  if (tells_of_its_end) std::fputs("the libraries are gone.", stdout);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)() = [] {
  on_exit(tell_of_libraries, nullptr);
};

// Leaves the end of a child to whoever waits for orphans; whether somebody does.
bool is_orphan_reaped() {
  int ends[2];
  if (pipe(ends) != 0) return false;
  if (fork() == 0) {
    const pid_t orphan = fork();
    if (orphan == 0) _exit(0);
    if (write(ends[1], &orphan, sizeof(orphan)) < 0) _exit(1);
    _exit(0);
  }
  pid_t orphan = 0;
  const bool is_known = read(ends[0], &orphan, sizeof(orphan)) == sizeof(orphan);
  wait(nullptr);
  constexpr int kLooks = 500;
  for (int look = 0; is_known && look < kLooks && kill(orphan, 0) == 0; ++look) usleep(10'000);
  return is_known && kill(orphan, 0) != 0;
}

template <class Accelerator>
void train(Accelerator& accelerator) {
  std::ostringstream report;
  report << "rank " << accelerator.process_index() << " of " << accelerator.num_processes() << ": "
         << Accelerator::strategy << ' ' << Accelerator::precision << " epochs "
         << absl::GetFlag(FLAGS_epochs) << " cpu " << absl::GetFlag(FLAGS_cpu) << '\n';
  std::cout << report.str();

  const std::string action = absl::GetFlag(FLAGS_action);
  const bool last = accelerator.process_index() == accelerator.num_processes() - 1;
  at::Tensor one = torch::ones({1});
  if (action == "wait") pause();
  if (action == "stop" || action == "stop_by_last") {
    int64_t steps = 0;
    while (!accelerator.should_stop()) {
      if (++steps == 1)
        std::cout << "rank " + std::to_string(accelerator.process_index()) + " trains\n";
      if (steps == 3 && last && action == "stop_by_last") raise(SIGUSR1);
    }
    std::cout << "stopped at " + std::to_string(steps) + "\n";
  }
  if (action == "ignore_stop") {
    accelerator.should_stop();
    std::cout << "rank " + std::to_string(accelerator.process_index()) + " goes on\n";
    while (true) pause();
  }
  if (action == "count_threads") std::cout << "threads " << at::get_num_threads() << '\n';
  if (action == "tell_of_end") tells_of_its_end = true;
  if (action == "leave_orphan") std::cout << "reaped " << is_orphan_reaped() << '\n';
  if (action == "run_out_of_gpu_memory") {
    const auto model = accelerator.prepare(torch::nn::Linear(64, 64));
    // As the allocator of a GPU does.
    accelerate::OutOfMemoryWatch::note({.wanted = 1 << 20, .total = 1 << 30});
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory.");
  }
  if (action == "throw") TORCH_CHECK(false, "this went wrong; do it right");
  if (action == "die" && last) abort();
  if (action == "absent" && last) pause();
  if (action == "leave" && last) _exit(7);
  if (action == "differ") (void)accelerator.prepare(torch::nn::Linear(1, last ? 2 : 1));
  if (action == "append") {
    // Open until the last that is printed has been written.
    [[maybe_unused]] static const std::ofstream file(absl::GetFlag(FLAGS_path), std::ios::app);
  }
  if (action == "read") {
    std::string line;
    std::getline(std::ifstream(absl::GetFlag(FLAGS_path)), line);
    accelerator.print("read ", line);
  }
  // What a peer that is gone is noticed by.
  accelerator.reduce(one);
}

}  // namespace

// Short, so that a test can wait for it.
ACCELERATE_MAIN(train, {.process_group = {.timeout = std::chrono::seconds(20)}})
