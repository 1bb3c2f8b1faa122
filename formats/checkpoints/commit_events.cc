#include "formats/checkpoints/commit_events.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "launcher/text/printable.h"

namespace accelerate::checkpoints {
namespace {

// What a file's offset can be, and what fits all of the numbers' types.
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kLongestName = 255;  // As most file systems have it.

constexpr char kNumber[] = "a whole number from 0 to 9223372036854775807";
constexpr char kChecksum[] = "8 hexadecimal digits";

bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// As 2026-11-29T14:30:00Z.
bool is_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  return std::equal(text.begin(), text.end(), kForm.begin(), kForm.end(), [](char each, char form) {
    return form == '0' ? '0' <= each && each <= '9' : each == form;
  });
}

// A checkpoint of strangers must not make anybody read files elsewhere.
bool is_name_of_file(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
         name != kCommitFile && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

const CommitEvents::Member CommitEvents::kMembers[] = {
    {Place::kCommit, "format", "a string"},
    {Place::kCommit, "version", kNumber},
    {Place::kCommit, "id", "16 hexadecimal digits"},
    {Place::kCommit, "saved_at", "a time such as 2026-11-29T14:30:00Z"},
    {Place::kCommit, "epoch", kNumber},
    {Place::kCommit, "step", kNumber},
    {Place::kCommit, "world_size", "a whole number from 1 to 2147483647"},
    {Place::kCommit, "strategy", "a string"},
    {Place::kCommit, "precision", "a string"},
    {Place::kCommit, "library_version", "a string"},
    {Place::kCommit, "files", "an array"},
    {Place::kCommit, "crc32", kChecksum},
    {Place::kFile, "name", "the name of a file within the folder"},
    {Place::kFile, "size", kNumber},
    {Place::kFile, "extents", "an array"},
    {Place::kExtent, "offset", kNumber},
    {Place::kExtent, "size", kNumber},
    {Place::kExtent, "crc32", kChecksum},
};

const CommitEvents::Member* CommitEvents::find_member(Place place, const std::string& name) {
  const auto* found = std::find_if(
      std::begin(kMembers), std::end(kMembers),
      [&](const Member& member) { return member.place == place && member.name == name; });
  return found == std::end(kMembers) ? nullptr : found;
}

std::set<std::string>& CommitEvents::seen() {
  return place_ == Place::kCommit ? seen_in_commit_
         : place_ == Place::kFile ? seen_in_file_
                                  : seen_in_extent_;
}

bool CommitEvents::on_key(std::string& key) {
  // Other members are for later versions of the library to add.
  if (find_member(place_, key) == nullptr) return ignore_next_value();
  key_ = std::move(key);
  return seen().insert(key_).second ||
         refuse(absl::StrCat(where(), "\"", key_, "\" appears twice"));
}

template <class Number>
bool CommitEvents::take_number(std::uint64_t number, std::uint64_t least, std::uint64_t most,
                               Number& to) {
  if (number < least || number > most) return on_other(absl::StrCat("the number ", number));
  to = static_cast<Number>(number);
  return true;
}

bool CommitEvents::on_number(std::uint64_t number) {
  if (place_ == Place::kCommit) {
    if (key_ == "version") {
      return number == kCommitVersion ||
             refuse(absl::StrCat("it is of version ", number, " of the format, but this library ",
                                 "reads version ", kCommitVersion));
    }
    if (key_ == "epoch") return take_number(number, 0, kMost, commit_.epoch);
    if (key_ == "step") return take_number(number, 0, kMost, commit_.step);
    if (key_ == "world_size") {
      return take_number(number, 1, std::numeric_limits<int>::max(), commit_.world_size);
    }
  }
  if (place_ == Place::kFile && key_ == "size") return take_number(number, 0, kMost, file_.size);
  if (place_ == Place::kExtent) {
    if (key_ == "offset") return take_number(number, 0, kMost, extent_.offset);
    if (key_ == "size") return take_number(number, 0, kMost, extent_.size);
  }
  return on_other("a number");
}

bool CommitEvents::on_string(std::string& text) {
  const auto take = [&](bool is_good, std::string& to) {
    if (!is_good) return on_other(launcher::printable(text));
    to = std::move(text);
    return true;
  };
  if (place_ == Place::kCommit) {
    if (key_ == "format") {
      return text == kCommitFormat ||
             refuse(absl::StrCat("its format is ", launcher::printable(text), " and not \"",
                                 kCommitFormat, "\""));
    }
    if (key_ == "id") return take(is_hexadecimal(text, 16), commit_.id);
    if (key_ == "saved_at") return take(is_time(text), commit_.saved_at);
    if (key_ == "strategy") return take(true, commit_.strategy);
    if (key_ == "precision") return take(true, commit_.precision);
    if (key_ == "library_version") return take(true, commit_.version);
    // Its digits are compared where the text is.
    if (key_ == "crc32") return true;
  }
  if (place_ == Place::kFile && key_ == "name") return take(is_name_of_file(text), file_.name);
  if (place_ == Place::kExtent && key_ == "crc32") {
    return (is_hexadecimal(text, 8) && absl::SimpleHexAtoi(text, &extent_.crc32)) ||
           on_other(launcher::printable(text));
  }
  return on_other(launcher::printable(text));
}

bool CommitEvents::on_start_object() {
  switch (place_) {
    case Place::kBefore:
      place_ = Place::kCommit;
      return true;
    case Place::kFiles:
      place_ = Place::kFile;
      file_ = {};
      seen_in_file_.clear();
      return true;
    case Place::kExtents:
      place_ = Place::kExtent;
      extent_ = {};
      seen_in_extent_.clear();
      return true;
    default:
      return on_other("an object");
  }
}

bool CommitEvents::on_end_object() {
  if (!has_all_members()) return false;
  switch (place_) {
    case Place::kExtent:
      place_ = Place::kExtents;
      file_.extents.push_back(extent_);
      return true;
    case Place::kFile:
      return end_file();
    default:
      place_ = Place::kAfter;
      return true;
  }
}

bool CommitEvents::has_all_members() {
  for (const Member& member : kMembers) {
    if (member.place == place_ && !seen().contains(member.name)) {
      return refuse(absl::StrCat(where(), "there is no \"", member.name, "\""));
    }
  }
  return true;
}

bool CommitEvents::end_file() {
  const std::string name = launcher::printable(file_.name);
  if (!file_names_.insert(file_.name).second) {
    return refuse(absl::StrCat("the file ", name, " appears in it twice"));
  }
  if (file_.size > kMost - size_of_all_) {
    return refuse(
        absl::StrCat("up to the file ", name, ", there would be more than ", kMost, " bytes"));
  }
  size_of_all_ += file_.size;
  std::uint64_t end = 0;
  for (const Extent& extent : file_.extents) {
    if (extent.offset != end || extent.size > file_.size - end) return refuse_extents(end);
    end += extent.size;
  }
  if (end != file_.size) return refuse_extents(end);
  commit_.files.push_back(std::move(file_));
  place_ = Place::kFiles;
  return true;
}

bool CommitEvents::refuse_extents(std::uint64_t at) {
  return refuse(absl::StrCat("the extents of the file ", launcher::printable(file_.name),
                             " overlap or leave something out at byte ", at));
}

bool CommitEvents::on_start_array() {
  if (place_ == Place::kCommit && key_ == "files") {
    place_ = Place::kFiles;
    return true;
  }
  if (place_ == Place::kFile && key_ == "extents") {
    place_ = Place::kExtents;
    return true;
  }
  return on_other("an array");
}

bool CommitEvents::on_end_array() {
  place_ = place_ == Place::kExtents ? Place::kFile : Place::kCommit;
  return true;
}

std::string CommitEvents::where() const {
  switch (place_) {
    case Place::kFile:
      return absl::StrCat("in file ", commit_.files.size() + 1, ", ");
    case Place::kExtent:
      return absl::StrCat("in extent ", file_.extents.size() + 1, " of file ",
                          commit_.files.size() + 1, ", ");
    default:
      return "";
  }
}

bool CommitEvents::on_other(const std::string& value) {
  switch (place_) {
    case Place::kBefore:
    case Place::kAfter:
      return refuse(absl::StrCat("there is ", value, " instead of an object"));
    case Place::kFiles:
    case Place::kExtents:
      return refuse(absl::StrCat(place_ == Place::kFiles ? "\"files\"" : "\"extents\"", " holds ",
                                 value, " instead of an object"));
    default:
      break;
  }
  return refuse(absl::StrCat(where(), "\"", key_, "\" is ", value, " and not ",
                             find_member(place_, key_)->expected));
}

}  // namespace accelerate::checkpoints
