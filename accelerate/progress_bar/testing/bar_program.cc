// What the tests of bars run at a terminal: bar_program SCENE [ROWS COLUMNS]
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "accelerate/logging/logger.h"
#include "accelerate/process/stop_request.h"
#include "accelerate/progress_bar/progress_bar.h"

namespace {

using accelerate::ProgressBar;

constexpr std::chrono::milliseconds kBetweenLines(2);

bool speaks_at_the_end = false;

// Destroyed after what the first bar has left for the end.
struct Object {
  ~Object() {
    if (speaks_at_the_end) std::cout << "a static object ends\n";
  }
} object;

// Until bars are drawn again by their next step.
void wait_for_drawing() { std::this_thread::sleep_for(std::chrono::milliseconds(150)); }

void draw(ProgressBar& bar) {
  wait_for_drawing();
  bar.advance();
}

void set_size(int rows, int columns) {
  winsize size = {};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  ioctl(STDIN_FILENO, TIOCSWINSZ, &size);
}

// What the test writes to the terminal does not show there.
void hide_input() {
  termios settings = {};
  tcgetattr(STDIN_FILENO, &settings);
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &settings);
}

// Until it has written a line.
void wait_for_test() {
  for (char input = '\0'; input != '\n';) {
    if (read(STDIN_FILENO, &input, 1) != 1) return;
  }
}

// With a pipe for standard error that somebody else shows, as the launcher does.
void print_through_a_pipe() {
  hide_input();
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  std::cerr << "several\nlines\nat once\n";
  wait_for_test();
  draw(bar);
}

void print_from_a_buffer() {
  std::ios::sync_with_stdio(false);
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  std::cout << "first line\n";
  std::cout << "second line\n";
  draw(bar);
}

void print_more_than_a_line_from_a_buffer() {
  std::ios::sync_with_stdio(false);
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  std::cout << "first line\nsecond line\nthird";
  draw(bar);
  std::cout << std::flush << " line\n";
  draw(bar);
}

void log() {
  const accelerate::Logger log = accelerate::get_logger("data");
  log.warning("first");
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  log.warning("second\nthird");
  log.warning("fourth");
  draw(bar);
}

// Past the streams of this process, as another one does it.
void write_as_other_rank(const std::string& text) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(1);
    _exit(0);
  }
  waitpid(pid, nullptr, 0);
}

void count_to_ten() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  bar.set("loss", 0.123456);
  for (int i = 0; i < 10; ++i) bar.advance();
  bar.set("loss", 0.1);
}

void take_bar_away() {
  std::cout << "before\n";
  {
    ProgressBar bar({.total = 10, .leave = false});
    draw(bar);
  }
  std::cout << "after\n";
}

void print_lines() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  std::cout << "first line\nsecond line\n";
  draw(bar);
  std::cerr << "third " << 3 << " line" << std::endl;
  std::cout << "fourth ";
  std::cout << std::flush;
  draw(bar);
  std::cout << "line\n";
  std::clog << "fifth line\n";
  draw(bar);
}

void print_past_the_streams() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  std::printf("of printf\n");
  std::fflush(stdout);
  draw(bar);
  write_as_other_rank("of another rank\n");
  draw(bar);
  write_as_other_rank("begun ");
  draw(bar);
  write_as_other_rank("and ended\n");
  draw(bar);
  ProgressBar::make_way();
  std::printf("several\nlines\nof printf\n");
  std::fflush(stdout);
  draw(bar);
}

void end_behind_a_begun_line() {
  std::cout << "evaluating " << std::flush;
  { ProgressBar bar({.total = 10, .description = "test"}); }
  std::cout << "done\n";
}

// Between two drawings.
void print_a_burst() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  write_as_other_rank("one\n");
  write_as_other_rank("two\n");
  write_as_other_rank("three\n");
  draw(bar);
}

void nest() {
  ProgressBar outer({.total = 2, .description = "epochs"});
  for (int epoch = 0; epoch < 2; ++epoch) {
    {
      ProgressBar inner({.total = 3, .description = "train", .leave = false});
      for (int step = 0; step < 3; ++step) draw(inner);
      std::cout << "loss of epoch " << epoch << "\n";
    }
    ProgressBar inner({.total = 4, .description = "test"});
    for (int step = 0; step < 4; ++step) inner.advance();
    inner.finish();
    outer.advance();
  }
}

void nest_until_the_test_has_looked() {
  hide_input();
  ProgressBar outer({.total = 2, .description = "epochs"});
  ProgressBar inner({.total = 3, .description = "train"});
  draw(inner);
  draw(inner);
  wait_for_test();
}

void throw_exception() {
  try {
    ProgressBar outer({.total = 2, .description = "epochs", .leave = false});
    ProgressBar bar({.total = 10, .description = "epoch 1"});
    draw(bar);
    throw std::runtime_error("it failed");
  } catch (const std::runtime_error& error) {
    std::cout << "error: " << error.what() << "\n";
  }
}

void leave_unended() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  draw(bar);
  std::exit(0);
}

void speak_at_the_end() {
  speaks_at_the_end = true;
  leave_unended();
}

void get(int signal) {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  draw(bar);
  std::raise(signal);
}

void be_interrupted() { get(SIGINT); }
void be_terminated() { get(SIGTERM); }
void be_hung_up() { get(SIGHUP); }

void take_stop_request() {
  ProgressBar bar({.total = 10, .description = "epoch 1", .leave = false});
  accelerate::take_stop_requests(SIGTERM);
  std::raise(SIGTERM);
  bar.finish();
  std::cout << "requested " << accelerate::stop_is_requested() << "\n";
}

void fork_beside_a_bar() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  draw(bar);
  const pid_t child = fork();
  if (child == 0) {
    draw(bar);
    bar.finish();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

// While other threads print above a bar.
void fork_beside_threads() {
  ProgressBar bar({.total = 10, .description = "epoch 1", .leave = false});
  std::atomic<bool> is_over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&is_over] {
      while (!is_over) {
        std::cout << "of a thread\n";
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    });
  }
  int well = 0;
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      std::cerr << "of a child\n";
      accelerate::get_logger("child").warning("of a child");
      { ProgressBar own({.total = 10, .leave = false}); }
      _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) ++well;
  }
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  std::cout << "well " << well << "\n";
}

void handle_interrupt() {
  std::signal(SIGINT, [](int) {});
  {
    ProgressBar bar({.total = 10, .description = "epoch 1"});
    std::raise(SIGINT);
    draw(bar);
  }
  std::raise(SIGINT);
}

void become_narrow() {
  ProgressBar bar({.total = 10, .description = "epoch 1"});
  ProgressBar inner({.description = "inner"});
  inner.set("name", std::string(100, 'x'));
  draw(inner);
  set_size(3, 30);
  std::cout << "narrow\n";
  draw(inner);
}

void show_wide_characters() {
  ProgressBar bar({.total = 4, .description = "学習 エポック\n\033[2J\u202e", .initial = 1});
  bar.set("損失", "低い\r");
  draw(bar);
}

void count_without_total() {
  ProgressBar bar({.description = "lines", .unit = "lines"});
  bar.advance(12345);
}

void go_beyond_the_total() {
  ProgressBar bar({.total = 4});
  bar.advance(5);
}

void have_no_steps() { ProgressBar bar({.total = 0, .description = "none"}); }

void write_from_threads() {
  ProgressBar bar({.total = 1000, .description = "epoch 1", .leave = false});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (int line = 0; line < 50; ++line)
        std::cout << "line " + std::to_string(line) + " of thread " + std::to_string(i) + "\n";
    });
  }
  for (int step = 0; step < 1000; ++step) {
    bar.advance();
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
  for (std::thread& thread : threads) thread.join();
}

void make_a_log() {
  ProgressBar bar({.total = 40, .description = "epoch 1", .line_interval = kBetweenLines});
  for (int step = 0; step < 40; ++step) {
    std::this_thread::sleep_for(kBetweenLines);
    bar.advance();
  }
}

void lose_reader() {
  int ends[2];
  if (pipe(ends) != 0) return;
  dup2(ends[1], STDERR_FILENO);
  close(ends[1]);
  close(ends[0]);
  ProgressBar bar({.total = 10, .line_interval = {}});
  for (int step = 0; step < 10; ++step) bar.advance();
  bar.finish();
  std::cout << "alive\n";
}

const std::map<std::string, void (*)()> kScenes = {
    {"count_to_ten", count_to_ten},
    {"take_bar_away", take_bar_away},
    {"print_lines", print_lines},
    {"past_streams", print_past_the_streams},
    {"buffer", print_from_a_buffer},
    {"buffer_of_lines", print_more_than_a_line_from_a_buffer},
    {"logger", log},
    {"nest_and_wait", nest_until_the_test_has_looked},
    {"end", speak_at_the_end},
    {"terminate", be_terminated},
    {"hang_up", be_hung_up},
    {"stop_request", take_stop_request},
    {"fork", fork_beside_a_bar},
    {"fork_beside_threads", fork_beside_threads},
    {"lose_reader", lose_reader},
    {"pipe", print_through_a_pipe},
    {"burst", print_a_burst},
    {"begun_line", end_behind_a_begun_line},
    {"nest", nest},
    {"exception", throw_exception},
    {"exit", leave_unended},
    {"interrupt", be_interrupted},
    {"handler", handle_interrupt},
    {"narrow", become_narrow},
    {"wide", show_wide_characters},
    {"no_total", count_without_total},
    {"beyond", go_beyond_the_total},
    {"no_steps", have_no_steps},
    {"threads", write_from_threads},
    {"log", make_a_log}};

}  // namespace

int main(int argc, char** argv) {
  const auto scene = kScenes.find(argc > 1 ? argv[1] : "");
  if (scene == kScenes.end()) return 2;
  if (argc > 3) set_size(std::atoi(argv[2]), std::atoi(argv[3]));
  scene->second();
}
