// The records of a CSV file, one after the other, as texts: RFC 4180, and what other programs write
// besides. Part of csv_file.h; not for others, who read numbers.
//
//   absl::StatusOr<CsvRecords> records = CsvRecords::open("flowers.csv", ',');
//   if (!records.ok()) return records.status();
//   while (records->next()) count_fields(records->line(), records->fields().size());
//   if (!records->status().ok()) return records->status();
//
// A field in double quotes may hold separators, line ends and, doubled, quotes. Spaces and tabs
// around a field are dropped, those within the quotes stay. Lines end with LF, CRLF or CR, and
// those with nothing on them are passed over. No more of the file is in memory than a record, or a
// mebibyte. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate {

class CsvRecords {
 public:
  // NotFound where there is no such file; otherwise the status says why it cannot be read. A mark
  // at the beginning that says UTF-8 is dropped, and one that says UTF-16 refused.
  static absl::StatusOr<CsvRecords> open(const std::string& path, char separator);

  // Goes on to the next record. False behind the last one, or where status() says what is wrong.
  bool next();
  const absl::Status& status() const { return status_; }

  // Of the current record: its fields, which last until next(), and the line that it begins on,
  // from 1.
  const std::vector<std::string_view>& fields() const { return texts_; }
  int64_t line() const { return line_; }

 private:
  struct Field {
    size_t begin = 0;
    size_t end = 0;
    bool is_quoted = false;
    bool has_quotes = false;
  };
  enum class Scan { kRecord, kCutOff, kWrong };

  CsvRecords(const std::string& path, char separator, launcher::FileDescriptor file);

  // Finds the fields of the record at begin_, and where the next one begins; kCutOff where the
  // buffer ends before the record does.
  Scan scan();
  Scan scan_quoted(size_t& at, Field& field);
  size_t skip_blanks(size_t at) const;
  bool is_blank(char c) const { return (c == ' ' || c == '\t') && c != separator_; }
  bool has_ended(size_t at) const { return at == buffer_.size() && is_complete_; }
  bool is_cut_off(size_t at) const { return at == buffer_.size() && !is_complete_; }

  // More of the file, behind what is still needed. False where that fails.
  bool read_more();
  // The texts of the fields, with one quote where the file has two.
  void take_texts();
  bool fail(const absl::Status& status);
  absl::Status error_at(int64_t line, const std::string& problem) const;

  std::string path_;
  char separator_;
  launcher::FileDescriptor file_;
  // What ends a field without quotes.
  std::array<bool, 256> ends_field_ = {};
  // From begin_ on not yet handed over.
  std::string buffer_;
  size_t begin_ = 0;
  // Whether the buffer ends with the file.
  bool is_complete_ = false;
  std::vector<Field> fields_;
  std::vector<std::string_view> texts_;
  int64_t line_ = 0;
  int64_t next_line_ = 1;
  // Of the record that scan() has found.
  size_t end_ = 0;
  int64_t lines_ = 0;
  absl::Status status_;
};

}  // namespace accelerate
