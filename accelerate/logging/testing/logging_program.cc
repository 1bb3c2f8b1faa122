// What the tests of loggers start: does what its first argument names. What a test looks for
// besides the log goes to the standard output.
#include <c10/util/Exception.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <new>
#include <ostream>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "accelerate/logging/log_file.h"
#include "accelerate/logging/logger.h"

namespace accelerate {
namespace {

const Logger early = get_logger("early");

bool speaks_outside_of_main = false;

struct Object {
  Object() {
    if (std::getenv("SPEAKS_BEFORE_MAIN") != nullptr) early.warning("before main");
  }
  ~Object() {
    if (speaks_outside_of_main) get_logger("late").warning_once("a static object ends");
  }
} object;

void levels() {
  const Logger log = get_logger("data");
  for (int level = 0; level <= static_cast<int>(LogLevel::kOff); ++level)
    log.log(static_cast<LogLevel>(level), "at level %d", level);
}

void words() {
  const Logger log = get_logger("data");
  log.set_level(LogLevel::kTrace);
  log.trace("a trace");
  log.debug("a debug line");
  log.info("an info");
  log.warning("a warning");
  log.error("an error");
  log.critical("a critical line");
}

void set_level() {
  get_logger("data").set_level(LogLevel::kInfo);
  get_logger("data").info("of the other");
  get_logger("model").info("of another name");
  get_logger("data").set_level(LogLevel::kOff);
  get_logger("data").critical("switched off");
}

void ranks() {
  const Logger log = get_logger("data");
  log.warning("main %d", 1);
  log.on_all_ranks().warning("all %d", 2);
  std::cout << log.is_on(LogLevel::kWarning) << log.on_all_ranks().is_on(LogLevel::kWarning)
            << log.on_all_ranks().is_on(LogLevel::kInfo) << '\n';
}

void once() {
  const Logger log = get_logger("data");
  log.set_level(LogLevel::kError);
  log.warning_once("text %d", 1);
  log.set_level(LogLevel::kWarning);
  for (int i = 0; i < 3; ++i) log.warning_once("text %d", 1);
  get_logger("data").warning_once("text 1");
  log.warning_once("text %d", 2);
  get_logger("model").warning_once("text 1");
}

struct Throwing {
  friend std::ostream& operator<<(std::ostream&, const Throwing&) {
    throw std::runtime_error("no value");
  }
};

void formats() {
  const Logger log = get_logger("data");
  const std::string text = "100% of %s";
  log.warning(text);
  log.warning("%s, %s, %c, %5.2f, %d%%", "a", std::string("b"), 'c', 1.5, size_t{7});
  log.warning("%d and %d", 1);
  log.warning("%d", "text");
  log.warning("loss", 0.5);
  log.warning("%d%%", 1, 2);
  log.warning("%2$s before %1$s", "a", "b");
  log.warning("%*d", 4, 7);
  log.warning("%s", absl::FormatStreamed(std::this_thread::get_id()));
  log.warning("%s", absl::FormatStreamed(Throwing()));
  log.warning("");
  log.warning("%s", "");
  log.warning("Größe 7 µm 🎈");
  log.warning("two\nlines\n");
}

struct Counted {
  friend std::ostream& operator<<(std::ostream& stream, const Counted&) {
    std::cout << "formatted\n";
    return stream;
  }
};

void off() {
  const Logger log = get_logger("data");
  log.info("%s", absl::FormatStreamed(Counted()));
  std::cout << "done\n";
}

void outside_of_main() {
  speaks_outside_of_main = true;
  std::atexit([] { early.warning("at exit"); });
}

void abort_behind_line() {
  get_logger("data").warning("the last words");
  abort();
}

void keep_errno() {
  errno = ENOENT;
  get_logger("data").warning("text");
  std::cout << (errno == ENOENT) << '\n';
}

// Each child is a worker of its own, as a launcher's are.
void fork_workers() {
  early.on_all_ranks().warning("the launcher");
  for (const char* const rank : {"0", "1", "2"}) {
    const pid_t child = fork();
    if (child == 0) {
      setenv("RANK", rank, 1);
      setenv("WORLD_SIZE", "3", 1);
      early.warning("main only");
      early.on_all_ranks().warning("all");
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
}

// Forks while other threads are inside of loggers.
void fork_beside_threads() {
  std::atomic<bool> is_over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&is_over, i] {
      const Logger log = get_logger("thread");
      for (int n = 0; !is_over; ++n) {
        log.error("beside");
        get_logger("thread " + std::to_string(n % 100)).warning_once("%d %d", i, n % 1000);
      }
    });
  }
  constexpr int kForks = 300;
  int well = 0;
  for (int i = 0; i < kForks; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      get_logger("child").warning_once("child %d", i);
      _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) ++well;
  }
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  std::cout << "well " << well << '\n';
}

void lose_reader() {
  int ends[2];
  if (pipe(ends) != 0) return;
  dup2(ends[1], STDERR_FILENO);
  close(ends[1]);
  close(ends[0]);
  get_logger("data").warning("nobody reads this");
  sigset_t pending;
  sigpending(&pending);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  std::cout << "alive " << sigismember(&pending, SIGPIPE) << sigismember(&mask, SIGPIPE) << '\n';
  // A signal of the program's own stays.
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &own, nullptr);
  raise(SIGPIPE);
  get_logger("data").warning("nor this");
  sigpending(&pending);
  std::cout << "own " << sigismember(&pending, SIGPIPE) << '\n';
}

// A stream that is never to be waited for, of which a slow reader takes all in the end.
void write_without_waiting() {
  fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK);
  const std::string long_text(100'000, 'x');
  for (int i = 0; i < 20; ++i) get_logger("data").warning("%s end", long_text);
}

void fill_disk() {
  set_log_file("/dev/full");
  for (int i = 0; i < 3; ++i) get_logger("data").warning("line %d", i);
}

// A file that may not become larger, and then may.
void reach_limit(const std::string& path) {
  set_log_file(path);
  const Logger log = get_logger("data");
  rlimit limit = {};
  getrlimit(RLIMIT_FSIZE, &limit);
  rlimit small = limit;
  small.rlim_cur = 100;
  setrlimit(RLIMIT_FSIZE, &small);
  for (int i = 0; i < 4; ++i) log.warning("line %d", i);
  setrlimit(RLIMIT_FSIZE, &limit);
  log.warning("room again");
}

void to_file(const std::string& path, bool of_each_rank) {
  get_logger("data").warning("before");
  set_log_file(path, {.of_each_rank = of_each_rank});
  get_logger("data").warning("main");
  get_logger("data").on_all_ranks().warning("all");
}

void to_other_file(const std::string& path) {
  set_log_file(path);
  get_logger("data").warning("first");
  const std::string descriptors = "/proc/self/fd/";
  set_log_file(path + ".2");
  get_logger("data").warning("second");
  std::cout << (access((descriptors + "3").c_str(), F_OK) == 0)
            << (access((descriptors + "4").c_str(), F_OK) == 0) << '\n';
}

void to_bad_file(const std::string& path) {
  try {
    set_log_file(path);
  } catch (const c10::Error& error) {
    std::cout << error.what_without_backtrace() << '\n';
  }
}

// Several processes write to the same stream and the same file.
void write_together(const std::string& path, int size) {
  constexpr int kProcesses = 4;
  constexpr int kLines = 200;
  for (int i = 0; i < kProcesses; ++i) {
    if (fork() != 0) continue;
    if (!path.empty()) {
      set_log_file(path);
      close(STDERR_FILENO);
    }
    const std::string text(static_cast<std::size_t>(size), static_cast<char>('a' + i));
    for (int line = 0; line < kLines; ++line) get_logger("data").warning("<%s>", text);
    _exit(0);
  }
  while (wait(nullptr) > 0) {
  }
}

// What in_order() needs of the Accelerator, among forked processes.
class Ranks {
 public:
  static constexpr int kCount = 3;

  Ranks()
      : shared_(*new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared) {
    pthread_barrierattr_t attributes;
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared_.barrier, &attributes, kCount);
  }

  void become(int rank) { rank_ = rank; }
  bool is_main_process() const { return rank_ == 0; }

  std::vector<std::string> gather(const std::vector<std::string>& own,
                                  const std::source_location& /*where*/) {
    std::snprintf(shared_.texts[rank_], sizeof(shared_.texts[0]), "%s", own.at(0).c_str());
    pthread_barrier_wait(&shared_.barrier);
    const std::vector<std::string> all(shared_.texts, shared_.texts + kCount);
    pthread_barrier_wait(&shared_.barrier);
    return all;
  }

 private:
  struct Shared {
    pthread_barrier_t barrier;
    char texts[kCount][100];
  };

  Shared& shared_;
  int rank_ = 0;
};

void in_order() {
  Ranks ranks;
  for (int rank = Ranks::kCount - 1; rank >= 0; --rank) {
    if (fork() != 0) continue;
    ranks.become(rank);
    setenv("RANK", std::to_string(rank).c_str(), 1);
    setenv("WORLD_SIZE", std::to_string(Ranks::kCount).c_str(), 1);
    const Logger log = get_logger("data");
    // The others take part all the same.
    if (rank == 0) log.set_level(LogLevel::kInfo);
    for (int step = 0; step < 50; ++step) {
      log.in_order(ranks, LogLevel::kInfo, "step %d of %d", step, rank);
      log.in_order(ranks, LogLevel::kDebug, "left out");
    }
    _exit(0);
  }
  while (wait(nullptr) > 0) {
  }
}

struct Alone {
  std::vector<std::string> gather(std::vector<std::string> own, const std::source_location& place) {
    line = place.line();
    return own;
  }
  static bool is_main_process() { return true; }

  std::uint_least32_t line = 0;
};

void in_order_alone() {
  Alone alone;
  // The accelerator is told who calls, for its errors.
  const std::uint_least32_t line = std::source_location::current().line() + 1;
  get_logger("data").in_order(alone, LogLevel::kWarning, "100%");
  std::cout << (alone.line == line) << '\n';
}

void use_threads(const std::string& path) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i, path] {
      for (int n = 0; n < 200; ++n) {
        const Logger log = get_logger("thread " + std::to_string(n % 10));
        log.set_level(n % 2 == 0 ? LogLevel::kWarning : LogLevel::kInfo);
        log.warning("line %d of %d", n, i);
        log.warning_once("once %d", n);
        if (n % 50 == 0) set_log_file(path + std::to_string(n % 3));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

int run(const std::vector<std::string>& arguments) {
  const std::string path = arguments.size() > 1 ? arguments[1] : "";
  const std::map<std::string, std::function<void()>> actions = {
      {"levels", levels},
      {"words", words},
      {"set_level", set_level},
      {"ranks", ranks},
      {"once", once},
      {"formats", formats},
      {"off", off},
      {"outside_of_main", outside_of_main},
      {"abort", abort_behind_line},
      {"keep_errno", keep_errno},
      {"fork_workers", fork_workers},
      {"fork_beside_threads", fork_beside_threads},
      {"lose_reader", lose_reader},
      {"write_without_waiting", write_without_waiting},
      {"fill_disk", fill_disk},
      {"reach_limit", [&path] { reach_limit(path); }},
      {"to_file", [&path] { to_file(path, /*of_each_rank=*/false); }},
      {"to_file_of_each_rank", [&path] { to_file(path, /*of_each_rank=*/true); }},
      {"to_other_file", [&path] { to_other_file(path); }},
      {"to_bad_file", [&path] { to_bad_file(path); }},
      {"write_together", [] { write_together("", /*size=*/4000); }},
      {"write_to_file_together", [&path] { write_together(path, /*size=*/100'000); }},
      {"in_order", in_order},
      {"in_order_alone", in_order_alone},
      {"use_threads", [&path] { use_threads(path); }},
  };
  const auto action = arguments.empty() ? actions.end() : actions.find(arguments[0]);
  if (action == actions.end()) return 2;
  action->second();
  return 0;
}

}  // namespace
}  // namespace accelerate

int main(int argc, char** argv) { return accelerate::run({argv + 1, argv + argc}); }
