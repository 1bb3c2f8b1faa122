#include "formats/metrics/csv_writer.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "formats/files/atomic_file.h"
#include "formats/files/mapped_file.h"
#include "formats/metrics/number_text.h"
#include "formats/metrics/utf8_text.h"

namespace accelerate::metrics {
namespace {

constexpr std::size_t kBytesAtOnce = 1 << 20;

std::string cell(absl::string_view text) {
  if (text.find_first_of(",\"\r\n") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

// Of bytes that are no UTF-8, no reader would take any of the file.
struct CellText {
  std::string operator()(double number) const { return number_text(number); }
  std::string operator()(std::int64_t number) const { return absl::StrCat(number); }
  std::string operator()(const std::string& text) const { return cell(utf8_text(text)); }
};

std::string row_of(const std::vector<std::string>& columns) {
  return absl::StrJoin(columns, ",",
                       [](std::string* out, const std::string& name) { out->append(cell(name)); }) +
         "\n";
}

// The first row, without its line feed; less than all where a line feed is missing. Line feeds in
// quotes are of a cell.
struct Row {
  absl::string_view text;
  bool is_whole = false;
};
Row first_row(absl::string_view bytes) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '"') is_quoted = !is_quoted;
    if (bytes[i] == '\n' && !is_quoted) return {bytes.substr(0, i), true};
  }
  return {bytes, false};
}

std::vector<std::string> cells_of(absl::string_view row) {
  std::vector<std::string> cells(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool is_doubled = is_quoted && row[i] == '"' && row.substr(i + 1, 1) == "\"";
    if (is_doubled) {
      cells.back() += row[++i];
    } else if (row[i] == '"') {
      is_quoted = !is_quoted;
    } else if (row[i] == ',' && !is_quoted) {
      cells.emplace_back();
    } else {
      cells.back() += row[i];
    }
  }
  return cells;
}

// Nothing where the row begins otherwise, as that of the names does.
std::optional<std::int64_t> step_of(absl::string_view row) {
  std::int64_t step = 0;
  if (std::from_chars(row.begin(), row.end(), step).ec != std::errc()) return std::nullopt;
  return step;
}

}  // namespace

absl::Status CsvWriter::find_columns() {
  columns_ = {"step", "time"};
  const absl::StatusOr<MappedFile> file = MappedFile::open(path());
  if (file.ok() && !file->bytes().empty()) {
    const Row row = first_row(file->bytes());
    std::vector<std::string> found = cells_of(row.text);
    if (!row.is_whole || found.size() < 2 || found[0] != "step" || found[1] != "time") {
      columns_.clear();
      return absl::FailedPreconditionError(absl::StrCat(
          "`", path(),
          "` does not begin with the columns `step` and `time`, so it is left unchanged; "
          "move it elsewhere."));
    }
    columns_ = std::move(found);
  } else if (!file.ok() && !absl::IsNotFound(file.status())) {
    columns_.clear();
    return file.status();
  }
  file_.was_replaced(row_of(columns_));
  return absl::OkStatus();
}

absl::Status CsvWriter::widen(const std::vector<std::string>& columns) {
  const absl::StatusOr<MappedFile> file = MappedFile::open(path());
  if (!file.ok() && !absl::IsNotFound(file.status())) return file.status();
  absl::string_view rest = file.ok() ? file->bytes() : absl::string_view();
  if (!rest.empty()) {
    absl::StatusOr<AtomicFile> wider = AtomicFile::create(path(), {.overwrite = true});
    if (!wider.ok()) return wider.status();
    std::string piece = row_of(columns);
    const std::string empty_cells(columns.size() - columns_.size(), ',');
    rest = rest.substr(std::min(rest.size(), first_row(rest).text.size() + 1));
    while (!rest.empty()) {
      const Row row = first_row(rest);
      if (!row.is_whole) break;
      absl::StrAppend(&piece, row.text, empty_cells, "\n");
      rest = rest.substr(row.text.size() + 1);
      if (piece.size() < kBytesAtOnce) continue;
      if (const absl::Status status = wider->append(piece); !status.ok()) return status;
      piece.clear();
    }
    if (const absl::Status status = wider->append(piece); !status.ok()) return status;
    if (const absl::Status status = wider->commit(); !status.ok()) return status;
  }
  columns_ = columns;
  file_.was_replaced(row_of(columns_));
  return absl::OkStatus();
}

absl::Status CsvWriter::append(const Record& record) {
  if (columns_.empty()) {
    if (const absl::Status status = find_columns(); !status.ok()) return status;
  }
  std::vector<std::string> columns = columns_;
  std::vector<std::string> cells(columns.size());
  cells[0] = absl::StrCat(record.step);
  cells[1] = time_text(record.time);
  for (const auto& [given_name, value] : record.values) {
    const std::string name = utf8_text(given_name);
    const auto at =
        static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
    if (at == columns.size()) {
      columns.push_back(name);
      cells.emplace_back();
    }
    cells[at] = std::visit(CellText{}, value);
  }
  if (columns.size() > columns_.size()) {
    if (const absl::Status status = widen(columns); !status.ok()) return status;
  }
  return file_.append(absl::StrJoin(cells, ",") + "\n");
}

absl::Status CsvWriter::rewind(const LogPosition& end) {
  KeptRecords records(end);
  columns_.clear();
  std::size_t kept = 0;
  {
    const absl::StatusOr<MappedFile> file = MappedFile::open(path());
    if (absl::IsNotFound(file.status())) return absl::OkStatus();
    if (!file.ok()) return file.status();
    const absl::string_view bytes = file->bytes();
    while (kept < bytes.size()) {
      const Row row = first_row(bytes.substr(kept));
      if (!row.is_whole) break;
      const auto step = step_of(row.text);
      if (step.has_value() && !records.take(*step)) break;
      kept += row.text.size() + 1;
    }
    if (kept == bytes.size()) return absl::OkStatus();
  }
  return file_.cut(kept);
}

}  // namespace accelerate::metrics
