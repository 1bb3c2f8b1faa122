#include "launcher/cli/dialog/terminal_dialog.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "launcher/cli/dialog/key_decoder.h"
#include "launcher/cli/dialog/key_mode.h"
#include "launcher/cli/dialog/prompt.h"
#include "launcher/cli/dialog/read_answer.h"
#include "launcher/names/help_text.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

// Escape sequences of ECMA-48, which every terminal of today follows.
constexpr char kClearLine[] = "\r\x1b[K";
constexpr char kClearBelow[] = "\r\x1b[J";

std::string up(std::size_t rows) { return absl::StrCat("\x1b[", rows, "A"); }

// Leaves the cursor below the last row.
void draw_rows(std::ostream& output, const Menu& menu, std::size_t position) {
  for (std::size_t i = 0; i < menu.choices.size(); ++i) {
    output << kClearLine << (i == position ? "➔ " : "  ") << menu_row(menu, i) << "\n";
  }
  output << std::flush;
}

}  // namespace

absl::StatusOr<std::size_t> TerminalDialog::choose(const Menu& menu) {
  const absl::StatusOr<MenuEnd> end = open_menu(menu);
  if (!end.ok()) return end.status();
  if (end->choice.has_value()) return *end->choice;
  if (!end->signal.has_value()) return input_ended(menu.question);
  raise(*end->signal);
  return absl::CancelledError(absl::StrCat("signal ", *end->signal, "; nothing was changed."));
}

absl::StatusOr<std::string> TerminalDialog::ask(const Question& question) {
  output_ << wrapped(prompt(question), help_width()) << " " << std::flush;
  absl::StatusOr<std::string> answer = read_answer([this] { return next_byte(); }, question.text);
  if (!answer.ok()) output_ << "\n" << std::flush;
  return answer;
}

absl::Status TerminalDialog::refuse(const Question&, const std::string& answer,
                                    const std::string& remedy) {
  output_ << wrapped(absl::StrCat(printable(answer), " is not an answer; ", remedy), help_width())
          << "\n";
  return absl::OkStatus();
}

absl::StatusOr<TerminalDialog::MenuEnd> TerminalDialog::open_menu(const Menu& menu) {
  output_ << wrapped(menu.question, help_width()) << "\n" << std::flush;
  // In this order: the terminal is itself again before a signal can do anything.
  SignalScope signals;
  const KeyMode keys(input_);
  if (!signals.is_open() || !keys.is_on()) {
    return absl::FailedPreconditionError(
        absl::StrCat("This terminal cannot show a menu (", std::strerror(errno),
                     "); pipe the answers in, a line each. Nothing was changed."));
  }
  return follow_keys(menu, signals);
}

TerminalDialog::MenuEnd TerminalDialog::follow_keys(const Menu& menu, SignalScope& signals) {
  const std::string advice =
      wrapped("Please select a choice using the arrow or number keys, and selecting with enter",
              help_width());
  const auto num_lines =
      static_cast<std::size_t>(1 + std::count(advice.begin(), advice.end(), '\n'));
  output_ << advice << "\n";
  const std::size_t num_rows = menu.choices.size();
  std::size_t position = menu.proposed;
  draw_rows(output_, menu, position);
  KeyDecoder decoder;
  while (true) {
    if (const std::optional<int> signal = wait_for_input(signals)) return {.signal = signal};
    const std::optional<char> byte = next_byte();
    const Key key = byte.has_value() ? decoder.take(*byte) : Key::kEnd;
    if (key == Key::kEnd) return {};
    if (key == Key::kEnter) {
      output_ << up(num_rows + num_lines) << kClearBelow << "  " << menu_row(menu, position) << "\n"
              << std::flush;
      return {.choice = position};
    }
    const std::size_t digit = static_cast<std::size_t>(decoder.digit());
    if (key == Key::kUp && position > 0) --position;
    if (key == Key::kDown && position + 1 < num_rows) ++position;
    if (key == Key::kDigit && digit < num_rows) position = digit;
    if (key == Key::kNone) continue;
    output_ << up(num_rows);
    draw_rows(output_, menu, position);
  }
}

std::optional<int> TerminalDialog::wait_for_input(SignalScope& signals) const {
  while (unread_.empty()) {
    std::array<pollfd, 2> polled = {pollfd{input_, POLLIN, 0}, pollfd{signals.fd(), POLLIN, 0}};
    if (poll(polled.data(), polled.size(), /*timeout=*/-1) < 0) continue;
    if (const std::optional<int> signal = signals.take()) {
      if (*signal != SIGCHLD) return signal;
    }
    if (polled[0].revents != 0) break;
  }
  return std::nullopt;
}

std::optional<char> TerminalDialog::next_byte() {
  if (unread_.empty()) {
    std::array<char, 256> buffer;
    ssize_t size = 0;
    do {
      size = read(input_, buffer.data(), buffer.size());
    } while (size < 0 && errno == EINTR);
    if (size <= 0) return std::nullopt;
    unread_.assign(buffer.data(), static_cast<std::size_t>(size));
  }
  const char byte = unread_.front();
  unread_.erase(0, 1);
  return byte;
}

}  // namespace accelerate::launcher
