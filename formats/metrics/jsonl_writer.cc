#include "formats/metrics/jsonl_writer.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/files/mapped_file.h"
#include "formats/metrics/number_text.h"
#include "formats/metrics/utf8_text.h"
#include "nlohmann/json.hpp"

namespace accelerate::metrics {
namespace {

constexpr absl::string_view kBeginning = "{\"step\":";

std::string quoted(const std::string& text) { return nlohmann::json(utf8_text(text)).dump(); }

struct ValueText {
  std::string operator()(double number) const {
    const std::string text = number_text(number);
    return std::isfinite(number) ? text : quoted(text);
  }
  std::string operator()(std::int64_t number) const { return absl::StrCat(number); }
  std::string operator()(const std::string& text) const { return quoted(text); }
};

// Nothing where the line begins otherwise.
std::optional<std::int64_t> step_of(absl::string_view line) {
  if (line.substr(0, kBeginning.size()) != kBeginning) return std::nullopt;
  std::int64_t step = 0;
  const char* begin = line.data() + kBeginning.size();
  if (std::from_chars(begin, line.data() + line.size(), step).ec != std::errc()) {
    return std::nullopt;
  }
  return step;
}

}  // namespace

absl::Status JsonlWriter::append(const Record& record) {
  std::string line = absl::StrCat(kBeginning, record.step, ",\"time\":", time_text(record.time));
  for (const auto& [name, value] : record.values) {
    absl::StrAppend(&line, ",", quoted(name), ":", std::visit(ValueText{}, value));
  }
  return file_.append(line += "}\n");
}

absl::Status JsonlWriter::rewind(const LogPosition& end) {
  KeptRecords records(end);
  std::size_t kept = 0;
  {
    const absl::StatusOr<MappedFile> file = MappedFile::open(path());
    if (absl::IsNotFound(file.status())) return absl::OkStatus();
    if (!file.ok()) return file.status();
    const absl::string_view bytes = file->bytes();
    while (kept < bytes.size()) {
      const std::size_t line_end = bytes.find('\n', kept);
      if (line_end == absl::string_view::npos) break;
      const auto step = step_of(bytes.substr(kept, line_end - kept));
      if (step.has_value() && !records.take(*step)) break;
      kept = line_end + 1;
    }
    if (kept == bytes.size()) return absl::OkStatus();
  }
  return file_.cut(kept);
}

}  // namespace accelerate::metrics
