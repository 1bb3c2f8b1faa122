#include "accelerate/progress_bar/bar_screen.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "accelerate/progress_bar/above_bars.h"
#include "accelerate/progress_bar/stream_filter.h"
#include "launcher/env/locale.h"
#include "launcher/posix/tidying_handler.h"
#include "launcher/posix/whole_write.h"
#include "launcher/text/columns.h"

// Note [Text beside bars]
//
// Not only this process writes to its terminal: so do other ranks, the launcher and whatever a
// program starts, and nothing tells when. So the cursor does not stay with the bars: it waits on
// the row above them, where the next text begins, and a drawing begins and ends wherever the cursor
// is then. A line of anybody fills that row and moves the cursor on to the first bar, which the
// next drawing clears and draws further down; the beginning of a line stays as it is. So no text is
// ever overwritten, and a line stands alone on its row. Only where several lines come between two
// drawings does one of them, written over a bar, have the bar's remains behind it: what this
// process writes to std::cout, std::cerr and std::clog is therefore let through by a filter, which
// clears the bars first; its loggers, which write past these streams, have it done by
// write_above_bars().
//
// A row that is drawn below the last one of the terminal makes it scroll, and a saved place is one
// of the screen, not of the text. So the rows are made first, by going down as often as there are
// bars and up again, which keeps the column.

namespace accelerate::internal {
namespace {

using launcher::clipped;

constexpr char kClearBelow[] = "\033[J";
constexpr char kClearRow[] = "\033[K";
constexpr char kDownOrScroll[] = "\033D";
constexpr char kKeepPlace[] = "\0337";
constexpr char kGoBack[] = "\0338";
constexpr char kDown[] = "\033[B\r";

int find_terminal() {
  const char* const type = std::getenv("TERM");
  if (type == nullptr || *type == '\0' || std::string_view(type) == "dumb") return -1;
  for (const int fd : {STDERR_FILENO, STDOUT_FILENO}) {
    if (isatty(fd) != 0) return fd;
  }
  return -1;
}

winsize size_of(int terminal) {
  winsize size = {};
  ioctl(terminal, TIOCGWINSZ, &size);
  return size;
}

// What cannot be written is lost: nothing depends on it.
void write_all(int fd, std::string_view text) { launcher::write_whole(fd, text); }

// Those by which people and schedulers end a process.
constexpr int kEndingSignals[] = {SIGINT, SIGTERM, SIGHUP};

// Where bars are to be cleared when such a signal ends the process.
std::atomic<int> ending_terminal = -1;

void clear_and_end(int number) {
  const int error = errno;
  const int terminal = ending_terminal;
  if (terminal >= 0 && ::write(terminal, kClearBelow, sizeof(kClearBelow) - 1) < 0) errno = error;
  // It now ends the process, as it would have done.
  signal(number, SIG_DFL);
  raise(number);
}

// Puts `handler` into the place of `known`; another handler is one of a program that wants to know
// of the signal, and is left alone.
void replace_handlers(launcher::SignalHandler known, launcher::SignalHandler handler) {
  for (const int number : kEndingSignals) {
    struct sigaction action = {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != known) continue;
    action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
  }
}

void expect_end(int terminal) {
  ending_terminal = terminal;
  launcher::tidying_handler() = clear_and_end;
  replace_handlers(SIG_DFL, clear_and_end);
}

void expect_no_end() {
  ending_terminal = -1;
  replace_handlers(clear_and_end, SIG_DFL);
}

void write_above_screen(int fd, const std::function<void()>& write) {
  const Nearness nearness = nearness_of(fd);
  if (nearness == Nearness::kElsewhere) return write();
  BarScreen::instance().write_above(write, nearness == Nearness::kAtTerminal);
}

}  // namespace

BarScreen& BarScreen::instance() {
  static BarScreen& screen = *new BarScreen;
  return screen;
}

bool BarScreen::is_there() { return find_terminal() >= 0; }

int BarScreen::add(DrawBar draw) {
  const std::lock_guard lock(mutex_);
  if (rows_.empty()) begin();
  rows_.push_back({.number = next_number_++, .draw = std::move(draw)});
  this->draw(Clock::now());
  return rows_.back().number;
}

void BarScreen::remove(int number, const DrawBar& left) {
  const std::lock_guard lock(mutex_);
  if (std::erase_if(rows_, [number](const Row& row) { return row.number == number; }) == 0) return;
  const BarSpace space = this->space();
  const std::string text = left(space);
  std::string output = kClearBelow;
  are_shown_ = false;
  if (!text.empty()) {
    // As many blanks as fit into a row lead to a fresh one, unless the cursor begins one already.
    absl::StrAppend(&output, std::string(static_cast<std::size_t>(space.columns + 1), ' '), "\r",
                    kClearBelow, text, "\r\n");
  }
  write_all(terminal_, output + (rows_.empty() ? "" : rows()));
  if (rows_.empty()) expect_no_end();
}

void BarScreen::draw(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  drawn_at_ = now;
  if (rows_.empty()) return;
  const BarSpace space = this->space();
  for (Row& row : rows_) row.text = row.draw(space);
  write_all(terminal_, rows());
}

void BarScreen::make_way() {
  const std::lock_guard lock(mutex_);
  if (are_shown_) write_all(terminal_, kClearBelow);
  are_shown_ = false;
}

void BarScreen::write_above(const std::function<void()>& write, bool draws) {
  const std::lock_guard lock(mutex_);
  make_way();
  write();
  if (draws && !rows_.empty()) write_all(terminal_, rows());
}

void BarScreen::begin() {
  terminal_ = find_terminal();
  expect_end(terminal_);
  [[maybe_unused]] static const bool is_prepared = [] {
    filter_standard_streams();
    set_write_above_bars(write_above_screen);
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] { instance().forget_in_child(); });
    return std::atexit([] { instance().end(); }) == 0;
  }();
}

// Others may print until the very end, such as static objects.
void BarScreen::end() {
  const std::lock_guard lock(mutex_);
  make_way();
  rows_.clear();
  expect_no_end();
}

void BarScreen::forget_in_child() {
  rows_.clear();
  are_shown_ = false;
  expect_no_end();
  // It belongs to the thread that has forked, as whom the child's thread cannot unlock it.
  new (&mutex_) std::recursive_mutex;
}

// One column less than there is, as a terminal may begin a row where the last one is full.
BarSpace BarScreen::space() const {
  constexpr int kUsualColumns = 80;
  const winsize size = size_of(terminal_);
  const int columns = size.ws_col > 0 ? size.ws_col : kUsualColumns;
  return {.columns = columns - 1, .has_blocks = launcher::shows_utf8()};
}

std::string BarScreen::rows() {
  const BarSpace space = this->space();
  const winsize size = size_of(terminal_);
  // The outer ones, where there is no room for all.
  const std::size_t room = size.ws_row > 0 ? size.ws_row - 1u : rows_.size();
  const std::size_t count = std::min(rows_.size(), room);
  // A line of others may have moved the cursor on to a row of the last drawing.
  std::string output = kClearRow;
  for (std::size_t i = 0; i < count; ++i) output += kDownOrScroll;
  if (count > 0) absl::StrAppend(&output, "\033[", count, "A");
  output += kKeepPlace;
  for (std::size_t i = 0; i < count; ++i) {
    // Drawn for another width, perhaps.
    absl::StrAppend(&output, kDown, clipped(rows_[i].text, space.columns), kClearRow);
  }
  are_shown_ = true;
  absl::StrAppend(&output, kClearBelow, kGoBack);
  return output;
}

}  // namespace accelerate::internal
