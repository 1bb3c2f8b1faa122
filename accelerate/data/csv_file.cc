#include "accelerate/data/csv_file.h"

#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "accelerate/data/csv_number.h"
#include "accelerate/data/csv_records.h"
#include "launcher/text/printable.h"

namespace accelerate {
namespace {

using launcher::printable;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// Values that become a tensor. Grows by realloc(), for which the system moves large memory without
// a copy: a table is never there twice.
template <class T>
class Values {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  void append(T value) {
    if (size_ == capacity_) resize(std::max<size_t>(1024, 2 * capacity_));
    memory_.get()[size_++] = value;
  }
  size_t size() const { return size_; }
  T* begin() { return memory_.get(); }
  T* end() { return memory_.get() + size_; }

  at::Tensor take(at::IntArrayRef sizes) {
    resize(size_);
    return at::from_blob(memory_.release(), sizes, &std::free,
                         at::TensorOptions(c10::CppTypeToScalarType<T>::value));
  }

 private:
  void resize(size_t capacity) {
    void* const memory = std::realloc(memory_.get(), capacity * sizeof(T));
    if (memory == nullptr) throw std::bad_alloc();
    memory_.release();
    memory_.reset(static_cast<T*>(memory));
    capacity_ = capacity;
  }

  std::unique_ptr<T, Free> memory_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Texts and their numbers: those that were given, or those that come along.
class Classes {
 public:
  explicit Classes(const std::vector<std::string>& given)
      : names_(given), are_given_(!given.empty()) {
    for (const std::string& name : given) {
      TORCH_CHECK(numbers_.emplace(name, numbers_.size()).second, "CsvFile: the class ",
                  printable(name), " appears twice in .classes; list each class once");
    }
  }

  std::optional<int64_t> number_of(std::string_view text) {
    std::string name(text);
    const auto found = numbers_.find(name);
    if (found != numbers_.end()) return found->second;
    if (are_given_) return std::nullopt;
    const auto number = static_cast<int64_t>(names_.size());
    names_.push_back(name);
    numbers_.emplace(std::move(name), number);
    return number;
  }

  // Puts those that came along in order, in the numbers that were handed out as well.
  std::vector<std::string> sort(Values<int64_t>& handed_out) {
    if (are_given_) return names_;
    std::vector<std::string> sorted = names_;
    std::sort(sorted.begin(), sorted.end());
    std::vector<int64_t> places(sorted.size());
    for (size_t i = 0; i < sorted.size(); ++i)
      places[numbers_.at(sorted[i])] = static_cast<int64_t>(i);
    for (int64_t& number : handed_out) number = places[number];
    return sorted;
  }

 private:
  std::vector<std::string> names_;
  bool are_given_;
  std::unordered_map<std::string, int64_t> numbers_;
};

}  // namespace

struct CsvFile::Table {
  std::vector<std::string> feature_names;
  std::vector<std::string> class_names;
  at::Tensor data;
  at::Tensor target;
};

namespace {

class TableReader {
 public:
  TableReader(const std::string& path, const CsvOptions& options)
      : path_(path), options_(options), classes_(options.classes) {
    const char separator = options.separator;
    TORCH_CHECK(separator != '"' && separator != '\n' && separator != '\r',
                "CsvFile: quotes and line ends cannot separate fields; give another separator");
    TORCH_CHECK(
        options.target_type == CsvTarget::kClass || options.classes.empty(),
        "CsvFile: .classes are for a target of CsvTarget::kClass; set target_type to it, or "
        "leave them out");
    TORCH_CHECK(!options.fill || std::isfinite(*options.fill),
                "CsvFile: .fill is not a finite number; give one");
  }

  template <class Table>
  Table read() {
    absl::StatusOr<CsvRecords> opened = CsvRecords::open(path_, options_.separator);
    TORCH_CHECK(opened.ok(), opened.status().message());
    CsvRecords& records = *opened;
    bool has_record = records.next();
    TORCH_CHECK(has_record || !records.status().ok(), path_,
                " is empty; it needs a line for each sample");
    if (has_record) {
      find_columns(records);
      if (options_.header) has_record = records.next();
      first_row_ = records.line();
    }
    for (; has_record; has_record = records.next()) read_row(records);
    TORCH_CHECK(records.status().ok(), records.status().message());
    TORCH_CHECK(rows_ > 0, path_, " has no lines after the header; it needs one for each sample");

    Table table;
    for (const size_t feature : features_)
      if (options_.header) table.feature_names.push_back(names_[feature]);
    if (options_.target_type == CsvTarget::kClass) table.class_names = classes_.sort(integers_);
    table.data = data_.take({rows_, static_cast<int64_t>(features_.size())});
    table.target =
        options_.target_type == CsvTarget::kFloat ? floats_.take({rows_}) : integers_.take({rows_});
    return table;
  }

 private:
  void find_columns(const CsvRecords& records) {
    count_ = records.fields().size();
    first_line_ = records.line();
    if (options_.header) {
      names_.assign(records.fields().begin(), records.fields().end());
      check_header();
    }
    target_ = find(options_.target);
    for (const CsvColumn& feature : options_.features) features_.push_back(find(feature));
    if (features_.empty()) {
      for (size_t column = 0; column < count_; ++column)
        if (column != target_) features_.push_back(column);
    }
    TORCH_CHECK(!features_.empty(), path_,
                " has one column, which is the target, and none for the data; check the separator");
    TORCH_CHECK(std::count(features_.begin(), features_.end(), target_) == 0, path_, ": ",
                place(target_), " is both the target and a feature; remove it from one of them");
  }

  // A row of numbers is no header, unless a column is asked for by such a name.
  void check_header() const {
    const auto is_name = [](const CsvColumn& column) { return column.index() == 1; };
    if (is_name(options_.target) ||
        std::any_of(options_.features.begin(), options_.features.end(), is_name))
      return;
    float value = 0;
    TORCH_CHECK(
        !std::all_of(names_.begin(), names_.end(),
                     [&](const std::string& name) { return !parse_number(name, value); }),
        path_, ":", first_line_,
        ": the header contains only numbers; set .header = false if the first line is a sample, "
        "or refer to a column by its name if they are names");
  }

  size_t find(const CsvColumn& column) const {
    if (const auto* const number = std::get_if<int64_t>(&column)) {
      const auto count = static_cast<int64_t>(count_);
      TORCH_CHECK(-count <= *number && *number < count, path_, " has no column ", *number,
                  "; there are ", count, ", 0 to ", count - 1, ", or -", count,
                  " to -1 from the last one");
      return static_cast<size_t>(*number < 0 ? *number + count : *number);
    }
    const auto& name = std::get<std::string>(column);
    TORCH_CHECK(options_.header, path_, " has no header according to .header, and so no column ",
                printable(name), "; set .header, or give a number");
    const auto found = std::find(names_.begin(), names_.end(), name);
    TORCH_CHECK(found != names_.end(), path_, " has no column ", printable(name), "; it has ",
                all_names());
    TORCH_CHECK(std::count(found, names_.end(), name) == 1, path_, " has several columns ",
                printable(name), "; give the number of the one that you mean");
    return static_cast<size_t>(found - names_.begin());
  }

  std::string all_names() const {
    constexpr size_t kMost = 50;
    const size_t shown = std::min(names_.size(), kMost);
    std::string all =
        absl::StrJoin(names_.begin(), names_.begin() + shown, ", ",
                      [](std::string* out, const std::string& name) { *out += printable(name); });
    if (shown < names_.size()) absl::StrAppend(&all, " and ", names_.size() - shown, " more");
    return all;
  }

  void read_row(const CsvRecords& records) {
    const auto& fields = records.fields();
    TORCH_CHECK(fields.size() == count_, path_, ":", records.line(), ": there are ", fields.size(),
                " fields, but line ", first_line_, " has ", count_,
                "; give each line the same number, or check the separator");
    for (const size_t column : features_) {
      const std::string_view text = fields[column];
      float value = 0;
      if (is_missing(text)) {
        if (!options_.fill)
          fail(records, column,
               "which is missing; correct it, or set .fill to the number that replaces missing "
               "values");
        value = *options_.fill;
      } else if (const char* const problem = parse_number(text, value)) {
        fail(records, column,
             absl::StrCat("which ", problem, "; correct it, or leave the column out of .features"));
      }
      data_.append(value);
    }
    read_target(records, fields[target_]);
    ++rows_;
  }

  void read_target(const CsvRecords& records, std::string_view text) {
    if (is_missing(text))
      fail(records, target_, "which is missing; remove samples without a target from the file");
    if (options_.target_type == CsvTarget::kClass) {
      const std::optional<int64_t> number = classes_.number_of(text);
      if (!number)
        fail(records, target_, "which is not one of .classes; add it there, or correct it");
      integers_.append(*number);
      return;
    }
    const char* problem = nullptr;
    if (options_.target_type == CsvTarget::kFloat) {
      float value = 0;
      problem = parse_number(text, value);
      floats_.append(value);
    } else {
      int64_t value = 0;
      problem = parse_number(text, value);
      integers_.append(value);
    }
    if (problem != nullptr) {
      fail(records, target_,
           absl::StrCat("which ", problem, "; correct it, or set .target_type to CsvTarget::",
                        options_.target_type == CsvTarget::kFloat ? "kClass for texts"
                                                                  : "kFloat for fractions, or to "
                                                                    "kClass for texts"));
    }
  }

  bool is_missing(std::string_view text) const {
    return text.empty() || std::find(options_.missing_words.begin(), options_.missing_words.end(),
                                     text) != options_.missing_words.end();
  }

  [[noreturn]] void fail(const CsvRecords& records, size_t column,
                         const std::string& problem) const {
    const bool may_be_header = !options_.header && records.line() == first_row_;
    C10_THROW_ERROR(
        Error, absl::StrCat(path_, ":", records.line(), ": ", place(column), " holds ",
                            printable(std::string(records.fields()[column])), ", ", problem,
                            may_be_header ? "; set .header if this line names the columns" : ""));
  }

  std::string place(size_t column) const {
    std::string place = absl::StrCat("column ", column);
    if (options_.header) absl::StrAppend(&place, ", ", printable(names_[column]), ",");
    return place;
  }

  const std::string& path_;
  const CsvOptions& options_;
  // Of a line, and its fields' names.
  size_t count_ = 0;
  std::vector<std::string> names_;
  int64_t first_line_ = 0;
  int64_t first_row_ = 0;
  std::vector<size_t> features_;
  size_t target_ = 0;

  int64_t rows_ = 0;
  Values<float> data_;
  // The targets are in one of these.
  Values<float> floats_;
  Values<int64_t> integers_;
  Classes classes_;
};

}  // namespace

CsvFile::CsvFile(const std::string& path, const CsvOptions& options)
    : CsvFile(TableReader(path, options).read<Table>()) {}

CsvFile::CsvFile(Table table)
    : feature_names_(std::move(table.feature_names)),
      class_names_(std::move(table.class_names)),
      data_(table.data),
      target_(table.target),
      rows_(table.data, table.target) {}

}  // namespace accelerate
