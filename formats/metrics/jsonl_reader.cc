#include "formats/metrics/jsonl_reader.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "launcher/text/printable.h"
#include "nlohmann/json.hpp"

namespace accelerate::metrics {
namespace {

std::optional<double> not_finite(const std::string& text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return kInfinity;
  if (text == "-inf") return -kInfinity;
  return std::nullopt;
}

// The numbers of a line. What nests is passed over without being kept, however deep it is.
class Line final : public nlohmann::json_sax<nlohmann::json> {
 public:
  // False where it is no object.
  bool read(absl::string_view text) {
    step.reset();
    time = 0;
    count_ = 0;
    depth_ = 0;
    return nlohmann::json::sax_parse(text.begin(), text.end(), this);
  }

  // Calls `take` with the name and the number of each value.
  template <class Take>
  void for_each(Take&& take) const {
    for (std::size_t i = 0; i < count_; ++i) take(values_[i].first, values_[i].second);
  }

  std::optional<std::int64_t> step;
  double time = 0;

  bool null() override { return depth_ > 0; }
  bool boolean(bool) override { return depth_ > 0; }
  bool number_integer(std::int64_t number) override {
    return is_step() ? (step = number, true) : take(static_cast<double>(number));
  }
  bool number_unsigned(std::uint64_t number) override {
    constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
    if (is_step()) return number <= kLargest && (step = static_cast<std::int64_t>(number), true);
    return take(static_cast<double>(number));
  }
  bool number_float(double number, const std::string&) override { return take(number); }
  bool string(std::string& text) override {
    const std::optional<double> number = not_finite(text);
    return number.has_value() ? take(*number) : depth_ > 0;
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool key(std::string& text) override {
    if (depth_ == 1) key_.swap(text);
    return true;
  }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return depth_++ > 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool is_step() const { return depth_ == 1 && key_ == "step"; }
  bool take(double number) {
    if (depth_ != 1) return depth_ > 0;
    if (key_ == "time") {
      time = number;
    } else if (key_ != "step") {
      // Names are kept from line to line, so that they take no new memory each time.
      if (count_ == values_.size()) values_.emplace_back();
      values_[count_].first = key_;
      values_[count_++].second = number;
    }
    return true;
  }

  std::string key_;
  std::vector<std::pair<std::string, double>> values_;
  std::size_t count_ = 0;
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<History> read_jsonl(const std::string& path) {
  // Not mapped: a run that goes on may cut the file while it is read.
  std::error_code error;
  const bool is_file = std::filesystem::is_regular_file(path, error);
  if (error || !is_file) {
    const std::string message =
        absl::StrCat(launcher::plain(path),
                     " cannot be read: ", error ? error.message() : "it is not a regular file",
                     "; correct the path.");
    return error == std::errc::no_such_file_or_directory ? absl::NotFoundError(message)
                                                         : absl::InvalidArgumentError(message);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::PermissionDeniedError(absl::StrCat(launcher::plain(path),
                                                    " cannot be read: ", std::strerror(errno),
                                                    "; check its permissions."));
  }
  History history;
  Line line;
  std::uint64_t number = 0, first_wrong = 0, wrong = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (text.empty() || text == "\r") continue;
    if (line.read(text) && line.step.has_value()) {
      line.for_each([&](const std::string& name, double value) {
        history.series[name].push_back({*line.step, line.time, value});
      });
    } else if (file.eof()) {
      history.remarks.push_back(
          absl::StrCat(launcher::plain(path), ": the last line is cut off, and was left out."));
    } else if (++wrong == 1) {
      first_wrong = number;
    }
  }
  if (wrong > 0) {
    history.remarks.push_back(absl::StrCat(
        launcher::plain(path), ":", first_wrong, " is not a JSON object with a step",
        wrong > 1 ? absl::StrCat(", and neither are ", wrong - 1, " lines after it") : "",
        wrong > 1 ? "; they were left out." : "; it was left out."));
  }
  return history;
}

}  // namespace accelerate::metrics
