#include "accelerate/logging/logger.h"

#include <exception>
#include <map>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"
#include "accelerate/logging/log_mutex.h"
#include "accelerate/logging/log_output.h"
#include "accelerate/logging/own_place.h"
#include "launcher/env/environment.h"
#include "launcher/env/variable_names.h"

namespace accelerate {
namespace {

constexpr LogLevel kUsualLevel = LogLevel::kWarning;

// Says it once: every logger of a program meets the same variable. The Accelerator refuses it.
void tell_of_no_level(const std::string& word) {
  static std::atomic<bool> is_told = false;
  if (is_told.exchange(true) || internal::own_place().rank != 0) return;
  internal::write_log({.level = kUsualLevel,
                       .logger = "accelerate",
                       .message = no_log_level(launcher::kLogLevelVariable, word)});
}

LogLevel level_of_environment() {
  const auto word = launcher::process_environment(launcher::kLogLevelVariable);
  if (!word.has_value()) return kUsualLevel;
  const std::optional<LogLevel> level = find_log_level(*word);
  if (!level.has_value()) tell_of_no_level(*word);
  return level.value_or(kUsualLevel);
}

// Stands for a value of whatever type, and shows nothing.
struct AnyValue {
  using Conversions = absl::FormatConversionCharSet;
  friend absl::FormatConvertResult<Conversions::kString | Conversions::kIntegral |
                                   Conversions::kFloating | Conversions::kPointer | Conversions::c>
  AbslFormatConvert(const AnyValue&, const absl::FormatConversionSpec&, absl::FormatSink*) {
    return {true};
  }
};

// Whether the format does without the last value, which absl would leave out in silence.
bool fits_fewer(absl::string_view format, std::size_t count) {
  const AnyValue any;
  const std::vector<absl::FormatArg> fewer(count - 1, absl::FormatArg(any));
  std::string nothing;
  return absl::FormatUntyped(&nothing, absl::UntypedFormatSpec(format), fewer);
}

}  // namespace

namespace internal {

std::string formatted(std::string_view format, std::initializer_list<absl::FormatArg> values) {
  const absl::string_view text(format.data(), format.size());
  try {
    std::string message;
    if (!fits_fewer(text, values.size()) &&
        absl::FormatUntyped(&message, absl::UntypedFormatSpec(text), values)) {
      return message;
    }
    return absl::StrCat(text, " [the format does not fit its ", values.size(), " values]");
  } catch (const std::exception& error) {
    return absl::StrCat(text, " [a value could not be formatted: ", error.what(), "]");
  }
}

}  // namespace internal

bool Logger::is_main() { return internal::own_place().rank == 0; }

void Logger::write(LogLevel level, std::string_view message) const {
  const internal::Place place = internal::own_place();
  internal::write_log(
      {.level = level,
       .logger = state_->name,
       .rank = is_on_all_ranks_ && !place.is_alone ? std::optional(place.rank) : std::nullopt,
       .message = message});
}

void Logger::write_once(std::string message) const {
  {
    const std::lock_guard lock(internal::log_mutex());
    if (!state_->written_once.insert(message).second) return;
  }
  write(LogLevel::kWarning, message);
}

void Logger::write_all(LogLevel level, const std::vector<std::string>& messages) const {
  for (std::size_t rank = 0; rank < messages.size(); ++rank) {
    internal::write_log(
        {.level = level,
         .logger = state_->name,
         .rank = messages.size() > 1 ? std::optional(static_cast<int>(rank)) : std::nullopt,
         .message = messages[rank]});
  }
}

Logger get_logger(std::string_view name) {
  // Never destroyed: static objects write lines when they are.
  static auto& loggers = *new std::map<std::string, internal::LoggerState, std::less<>>;
  {
    const std::lock_guard lock(internal::log_mutex());
    const auto known = loggers.find(name);
    if (known != loggers.end()) return Logger(known->second, /*is_on_all_ranks=*/false);
  }
  // Without the lock, as it may write a line.
  const LogLevel level = level_of_environment();
  const std::lock_guard lock(internal::log_mutex());
  internal::LoggerState& state =
      loggers.try_emplace(std::string(name), std::string(name), level).first->second;
  return Logger(state, /*is_on_all_ranks=*/false);
}

}  // namespace accelerate
