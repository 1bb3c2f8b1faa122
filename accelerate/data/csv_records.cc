#include "accelerate/data/csv_records.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace accelerate {
namespace {

constexpr size_t kChunk = 1 << 20;
// A quote that nothing closes would make a record of the rest of the file.
constexpr size_t kLongestRecord = 64 << 20;

absl::Status cannot_read(const std::string& path) {
  return absl::PermissionDeniedError(absl::StrCat(path, " cannot be read: ", std::strerror(errno),
                                                  "; check its path and its permissions"));
}

}  // namespace

absl::StatusOr<CsvRecords> CsvRecords::open(const std::string& path, char separator) {
  launcher::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return cannot_read(path);
  CsvRecords records(path, separator, std::move(file));
  while (records.buffer_.size() < 3 && !records.is_complete_) {
    if (!records.read_more()) return records.status_;
  }
  const std::string_view start = records.buffer_;
  if (start.starts_with("\xef\xbb\xbf")) records.begin_ = 3;
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is written in UTF-16; save it again in UTF-8"));
  }
  return records;
}

CsvRecords::CsvRecords(const std::string& path, char separator, launcher::FileDescriptor file)
    : path_(path), separator_(separator), file_(std::move(file)) {
  for (const char c : {separator, '\n', '\r'}) ends_field_[static_cast<unsigned char>(c)] = true;
}

bool CsvRecords::next() {
  if (!status_.ok()) return false;
  while (true) {
    if (has_ended(begin_)) return false;
    switch (scan()) {
      case Scan::kWrong:
        return false;
      case Scan::kCutOff:
        if (buffer_.size() - begin_ > kLongestRecord) {
          return fail(error_at(next_line_, absl::StrCat("a record of more than ", kLongestRecord,
                                                        " bytes begins here; look for a quote that "
                                                        "is never closed")));
        }
        if (!read_more()) return false;
        continue;
      case Scan::kRecord:
        break;
    }
    line_ = next_line_;
    next_line_ += lines_;
    begin_ = end_;
    const Field& first = fields_.front();
    if (fields_.size() == 1 && !first.is_quoted && first.begin == first.end) continue;
    take_texts();
    return true;
  }
}

CsvRecords::Scan CsvRecords::scan() {
  fields_.clear();
  lines_ = 0;
  size_t at = begin_;
  while (true) {
    at = skip_blanks(at);
    Field field = {.begin = at};
    if (at < buffer_.size() && buffer_[at] == '"') {
      const Scan result = scan_quoted(at, field);
      if (result != Scan::kRecord) return result;
    } else {
      while (at < buffer_.size() && !ends_field_[static_cast<unsigned char>(buffer_[at])]) ++at;
      field.end = at;
      while (field.end > field.begin && is_blank(buffer_[field.end - 1])) --field.end;
    }
    fields_.push_back(field);
    if (is_cut_off(at)) return Scan::kCutOff;
    if (has_ended(at)) break;
    const char end = buffer_[at++];
    if (end == separator_) continue;
    if (end == '\r') {
      if (is_cut_off(at)) return Scan::kCutOff;
      if (!has_ended(at) && buffer_[at] == '\n') ++at;
    }
    break;
  }
  ++lines_;
  end_ = at;
  return Scan::kRecord;
}

CsvRecords::Scan CsvRecords::scan_quoted(size_t& at, Field& field) {
  field.is_quoted = true;
  field.begin = ++at;
  while (true) {
    const size_t quote = buffer_.find('"', at);
    if (quote == std::string::npos) {
      if (!is_complete_) return Scan::kCutOff;
      fail(error_at(next_line_ + lines_, "the quote of a field that begins here is never closed"));
      return Scan::kWrong;
    }
    at = quote + 1;
    if (is_cut_off(at)) return Scan::kCutOff;
    if (has_ended(at) || buffer_[at] != '"') break;
    field.has_quotes = true;
    ++at;
  }
  field.end = at - 1;
  lines_ += std::count(buffer_.begin() + field.begin, buffer_.begin() + field.end, '\n');
  at = skip_blanks(at);
  if (at == buffer_.size() || ends_field_[static_cast<unsigned char>(buffer_[at])])
    return Scan::kRecord;
  fail(error_at(next_line_ + lines_,
                absl::StrCat("field ", fields_.size() + 1,
                             " continues after its closing quote; double a quote within a field, "
                             "or check the separator")));
  return Scan::kWrong;
}

size_t CsvRecords::skip_blanks(size_t at) const {
  while (at < buffer_.size() && is_blank(buffer_[at])) ++at;
  return at;
}

bool CsvRecords::read_more() {
  buffer_.erase(0, std::exchange(begin_, 0));
  // In proportion to a long record, which is looked through again each time.
  const size_t size = buffer_.size(), wanted = std::max(kChunk, size);
  buffer_.resize(size + wanted);
  ssize_t count = 0;
  do {
    count = read(file_.get(), buffer_.data() + size, wanted);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return fail(cannot_read(path_));
  buffer_.resize(size + static_cast<size_t>(count));
  is_complete_ = count == 0;
  return true;
}

void CsvRecords::take_texts() {
  texts_.clear();
  for (const Field& field : fields_) {
    size_t end = field.end;
    if (field.has_quotes) {
      char* const text = buffer_.data();
      end = field.begin;
      for (size_t at = field.begin; at < field.end; ++at) {
        text[end++] = text[at];
        if (text[at] == '"') ++at;
      }
    }
    texts_.push_back(std::string_view(buffer_).substr(field.begin, end - field.begin));
  }
}

bool CsvRecords::fail(const absl::Status& status) {
  status_ = status;
  return false;
}

absl::Status CsvRecords::error_at(int64_t line, const std::string& problem) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ":", line, ": ", problem));
}

}  // namespace accelerate
