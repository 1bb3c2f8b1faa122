#include "accelerate/progress_bar/stream_filter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <iostream>
#include <streambuf>
#include <string_view>

#include "accelerate/progress_bar/bar_screen.h"

namespace accelerate::internal {
namespace {

class AboveBars final : public std::streambuf {
 public:
  AboveBars(std::streambuf& target, Nearness nearness) : target_(target), nearness_(nearness) {}

 protected:
  int_type overflow(int_type character) override {
    if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(0);
    const char text = traits_type::to_char_type(character);
    return xsputn(&text, 1) == 1 ? character : traits_type::eof();
  }

  std::streamsize xsputn(const char* text, std::streamsize size) override {
    if (size <= 0) return 0;
    std::streamsize written = 0;
    const std::string_view all(text, static_cast<std::size_t>(size));
    const auto write = [&] {
      written = target_.sputn(text, size);
      // Its lines are to be there before the bars are below them.
      if (all.find('\n') != all.npos) target_.pubsync();
    };
    // Who reads the pipe shows it a little later: bars that were drawn at once would be above it.
    BarScreen::instance().write_above(write,
                                      all.ends_with('\n') && nearness_ == Nearness::kAtTerminal);
    return written;
  }

  int sync() override { return target_.pubsync(); }

 private:
  std::streambuf& target_;
  const Nearness nearness_;
};

void filter(std::ostream& stream, int fd) {
  const Nearness nearness = nearness_of(fd);
  if (nearness == Nearness::kElsewhere) return;
  // Never destroyed, as others print until the very end.
  stream.rdbuf(new AboveBars(*stream.rdbuf(), nearness));
}

}  // namespace

Nearness nearness_of(int fd) {
  if (isatty(fd) != 0) return Nearness::kAtTerminal;
  // With several ranks standard error is a pipe to the launcher, which passes it on to the
  // terminal.
  struct stat status = {};
  const bool is_pipe = fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
  return is_pipe ? Nearness::kPassedOn : Nearness::kElsewhere;
}

void filter_standard_streams() {
  static const bool is_done = [] {
    filter(std::cout, STDOUT_FILENO);
    filter(std::cerr, STDERR_FILENO);
    filter(std::clog, STDERR_FILENO);
    return true;
  }();
  static_cast<void>(is_done);
}

}  // namespace accelerate::internal
