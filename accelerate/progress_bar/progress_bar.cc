#include "accelerate/progress_bar/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accelerate/progress_bar/bar_screen.h"
#include "accelerate/progress_bar/bar_text.h"
#include "accelerate/progress_bar/step_rate.h"
#include "launcher/env/worker_environment.h"
#include "launcher/posix/whole_write.h"
#include "launcher/text/printable.h"

namespace accelerate {
namespace {

using Clock = internal::BarScreen::Clock;

// Whose place cannot be read shows what it has to show.
bool is_main_process() {
  const auto worker = launcher::read_worker_environment();
  return !worker.ok() || !worker->has_value() || (*worker)->rank == 0;
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Both are the nearest number that there is.
int64_t sum(int64_t a, int64_t b) {
  int64_t result = 0;
  if (!__builtin_add_overflow(a, b, &result)) return result;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

int64_t difference(int64_t a, int64_t b) {
  int64_t result = 0;
  if (!__builtin_sub_overflow(a, b, &result)) return result;
  return a > b ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

std::string plain(std::string_view text) { return launcher::plain(std::string(text)); }

}  // namespace

namespace internal {

// A bar that is shown, at the terminal or in lines.
class Bar {
 public:
  using Value = std::variant<int64_t, uint64_t, double, std::string>;

  Bar(const ProgressBarOptions& options, const int64_t& done)
      : options_(options), done_(done), rated_(done), is_on_screen_(BarScreen::is_there()) {
    options_.description = plain(options.description);
    options_.unit = plain(options.unit);
    if (is_on_screen_) {
      row_ = BarScreen::instance().add(
          [this](const BarSpace& space) { return bar_text(state(Clock::now()), space); });
    }
  }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  // Shows the bar where it is time to. Returns how many steps later to look again.
  int64_t look() {
    const Clock::time_point now = Clock::now();
    if (is_on_screen_) {
      if (BarScreen::instance().is_due(now)) BarScreen::instance().draw(now);
    } else if (now - written_at_ >= options_.line_interval) {
      written_at_ = now;
      write_line(state(now));
    }
    calls_ = calls_until_look(now - std::exchange(looked_at_, now));
    return calls_;
  }

  void finish() {
    const auto last = [this] {
      BarState state = this->state(Clock::now());
      const auto steps = static_cast<double>(difference(done_, options_.initial));
      state.per_second = state.elapsed > 0 ? std::max(0.0, steps) / state.elapsed : 0;
      return state;
    };
    if (is_on_screen_) {
      BarScreen::instance().remove(row_, [&](const BarSpace& space) {
        return options_.leave ? bar_text(last(), space) : "";
      });
    } else if (options_.leave) {
      write_line(last());
    }
  }

  // So many of the steps that are done were done before.
  void leave_out(int64_t steps) {
    options_.initial = sum(options_.initial, steps);
    rated_ = done_;
  }

  void expect(int64_t more) {
    if (options_.total.has_value()) return;
    total_ = sum(done_, more);
    redraw();
  }

  void set(std::string_view name, Value value) {
    for (auto& [known, old] : values_) {
      if (known.given != name) continue;
      old = std::move(value);
      return;
    }
    values_.push_back({{std::string(name), plain(name)}, std::move(value)});
  }

  void set_description(std::string_view description) {
    options_.description = plain(description);
    redraw();
  }

 private:
  struct Name {
    std::string given;
    std::string shown;
  };

  // Without a memory of its own for how long the loop has been quick: a loop may become slow, and
  // then its bar is not to stand still for long.
  int64_t calls_until_look(Clock::duration passed) const {
    constexpr std::chrono::milliseconds kAim(10);
    constexpr int64_t kMost = 16;
    if (passed * kMost <= kAim * calls_) return std::min(2 * calls_, kMost);
    return std::clamp<int64_t>(calls_ * kAim / passed, 1, kMost);
  }

  void redraw() {
    if (is_on_screen_) BarScreen::instance().draw(Clock::now());
  }

  BarState state(Clock::time_point now) {
    if (done_ != rated_) {
      rate_.add(difference(done_, rated_), seconds_between(rated_at_, now));
      rated_ = done_;
      rated_at_ = now;
    }
    return {.description = options_.description,
            .total = options_.total.has_value() ? options_.total : total_,
            .done = done_,
            .elapsed = seconds_between(begun_at_, now),
            .per_second = rate_.per_second(),
            .unit = options_.unit,
            .unit_scale = options_.unit_scale,
            .values = values_text()};
  }

  std::string values_text() const {
    std::string text;
    for (const auto& [name, value] : values_) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", name.shown, "=");
      if (const auto* const integer = std::get_if<int64_t>(&value)) {
        absl::StrAppend(&text, *integer);
      } else if (const auto* const natural = std::get_if<uint64_t>(&value)) {
        absl::StrAppend(&text, *natural);
      } else if (const auto* const number = std::get_if<double>(&value)) {
        absl::StrAppendFormat(&text, "%.4g", *number);
      } else {
        text += std::get<std::string>(value);
      }
    }
    return text;
  }

  static void write_line(const BarState& state) {
    // In one go, and past what may be waiting in a buffer. What cannot be written is lost: nothing
    // depends on it.
    launcher::write_whole(STDERR_FILENO, line_text(state) + "\n");
  }

  ProgressBarOptions options_;
  // Of the ProgressBar.
  const int64_t& done_;
  // Of what over() goes through.
  std::optional<int64_t> total_;
  std::vector<std::pair<Name, Value>> values_;

  const Clock::time_point begun_at_ = Clock::now();
  Clock::time_point looked_at_ = begun_at_;
  Clock::time_point written_at_ = begun_at_;
  int64_t calls_ = 1;
  StepRate rate_;
  // How far the rate goes.
  int64_t rated_;
  Clock::time_point rated_at_ = begun_at_;
  const bool is_on_screen_;
  int row_ = -1;
};

}  // namespace internal

ProgressBar::ProgressBar(const ProgressBarOptions& options)
    : done_(options.initial), follows_loops_(!options.total.has_value() && options.initial == 0) {
  if (options.total.value_or(0) < 0) {
    throw std::invalid_argument(
        absl::StrCat("ProgressBar: .total is ", *options.total,
                     "; give the number of steps, or leave it out where it is not known"));
  }
  if (options.visible.has_value() ? *options.visible : is_main_process()) {
    bar_ = std::make_unique<internal::Bar>(options, done_);
  } else {
    calls_to_look_ = std::numeric_limits<int64_t>::max();
  }
}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::finish() {
  if (bar_ != nullptr) bar_->finish();
  bar_ = nullptr;
  calls_to_look_ = std::numeric_limits<int64_t>::max();
}

void ProgressBar::look() {
  calls_to_look_ = bar_ != nullptr ? bar_->look() : std::numeric_limits<int64_t>::max();
}

void ProgressBar::expect(int64_t steps, int64_t left) {
  const int64_t before = steps - left;
  if (follows_loops_ && before > 0) {
    done_ = sum(done_, before);
    if (bar_ != nullptr) bar_->leave_out(before);
  }
  if (bar_ != nullptr) bar_->expect(left);
}

void ProgressBar::set_unsigned(std::string_view name, uint64_t value) {
  if (bar_ != nullptr) bar_->set(name, value);
}

void ProgressBar::set_integer(std::string_view name, int64_t value) {
  if (bar_ != nullptr) bar_->set(name, value);
}

void ProgressBar::set_number(std::string_view name, double value) {
  if (bar_ != nullptr) bar_->set(name, value);
}

void ProgressBar::set(std::string_view name, std::string_view text) {
  if (bar_ != nullptr) bar_->set(name, plain(text));
}

void ProgressBar::set_description(std::string_view description) {
  if (bar_ != nullptr) bar_->set_description(description);
}

void ProgressBar::make_way() { internal::BarScreen::instance().make_way(); }

}  // namespace accelerate
