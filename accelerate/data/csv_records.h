// Reads the records of a CSV file one by one, as texts: RFC 4180, and what other programs write in
// addition. Part of csv_file.h; not for others, which read numbers.
//
//   absl::StatusOr<CsvRecords> records = CsvRecords::open("flowers.csv", ',');
//   if (!records.ok()) return records.status();
//   while (records->next()) count_fields(records->line(), records->fields().size());
//   if (!records->status().ok()) return records->status();
//
// A field in double quotes may contain separators, line ends and doubled quotes. Spaces and tabs
// around a field are dropped, but kept within quotes. Lines end with LF, CRLF or CR, and empty
// lines are skipped. Memory holds no more of the file than one record, or a mebibyte. Not
// thread-safe.
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
  // NotFound if there is no such file; otherwise the status says why it cannot be read. Drops a
  // byte order mark of UTF-8 at the beginning, and rejects one of UTF-16.
  static absl::StatusOr<CsvRecords> open(const std::string& path, char separator);

  // Advances to the next record. Returns false after the last one, or if there is an error, which
  // status() describes.
  bool next();
  const absl::Status& status() const { return status_; }

  // The fields of the current record, which are valid until next(), and the line on which it
  // begins, counted from 1.
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

  // Finds the fields of the record at begin_, and where the next one begins; kCutOff if the buffer
  // ends before the record does.
  Scan scan();
  Scan scan_quoted(size_t& at, Field& field);
  size_t skip_blanks(size_t at) const;
  bool is_blank(char c) const { return (c == ' ' || c == '\t') && c != separator_; }
  bool has_ended(size_t at) const { return at == buffer_.size() && is_complete_; }
  bool is_cut_off(size_t at) const { return at == buffer_.size() && !is_complete_; }

  // Reads more of the file into the buffer, after what is still needed. Returns false if that
  // fails.
  bool read_more();
  // Stores the texts of the fields, with one quote for each doubled one.
  void take_texts();
  bool fail(const absl::Status& status);
  absl::Status error_at(int64_t line, const std::string& problem) const;

  std::string path_;
  char separator_;
  launcher::FileDescriptor file_;
  // Whether a byte ends a field that has no quotes.
  std::array<bool, 256> ends_field_ = {};
  // From begin_ on, it has not been returned yet.
  std::string buffer_;
  size_t begin_ = 0;
  // Whether the end of the buffer is the end of the file.
  bool is_complete_ = false;
  std::vector<Field> fields_;
  std::vector<std::string_view> texts_;
  int64_t line_ = 0;
  int64_t next_line_ = 1;
  // The end of the record that scan() found, and how many lines it takes.
  size_t end_ = 0;
  int64_t lines_ = 0;
  absl::Status status_;
};

}  // namespace accelerate
