#include "launcher/flight_record/collective_facts.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

struct TypeFacts {
  const char* name;
  int size;
};

constexpr TypeFacts kTypes[] = {{"", 0},
                                {"bool", 1},
                                {"byte", 1},
                                {"char", 1},
                                {"short", 2},
                                {"uint16", 2},
                                {"int", 4},
                                {"long", 8},
                                {"half", 2},
                                {"bfloat16", 2},
                                {"float", 4},
                                {"double", 8},
                                {"complex float", 8},
                                {"complex double", 16},
                                {"other", 0}};
static_assert(std::size(kTypes) == static_cast<std::size_t>(ElementType::kOther) + 1);

constexpr const char* kKinds[] = {"unknown collective", "all_reduce", "reduce_scatter",
                                  "all_gather",         "broadcast",  "barrier",
                                  "captured step"};
static_assert(std::size(kKinds) == static_cast<std::size_t>(CollectiveKind::kReplay) + 1);

// The memory is shared with others, and so may hold any number.
const TypeFacts& facts_of(ElementType type) {
  const auto index = static_cast<std::size_t>(type);
  return kTypes[index < std::size(kTypes) ? index : std::size(kTypes) - 1];
}

std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace

const char* to_string(CollectiveKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return kKinds[index < std::size(kKinds) ? index : 0];
}

const char* to_string(ElementType type) { return facts_of(type).name; }

std::string_view text_of(const char* first, std::size_t size) {
  return {first, static_cast<std::size_t>(std::find(first, first + size, '\0') - first)};
}

void CollectiveFacts::set_sizes(const std::int64_t* first, std::size_t count) {
  num_sizes = static_cast<std::uint8_t>(std::min<std::size_t>(count, UINT8_MAX));
  num_elements = 1;
  for (std::size_t i = 0; i < count; ++i) {
    num_elements *= first[i];
    if (i < kMostSizes) sizes[i] = first[i];
  }
}

std::string CollectiveFacts::name() const {
  std::string text = absl::StrCat(to_string(kind), " ", number);
  if (communicator != 0) absl::StrAppend(&text, " of communicator ", communicator);
  if (type == ElementType::kNone) return text;
  absl::StrAppend(&text, " (", to_string(type), " [");
  const std::size_t count = std::min<std::size_t>(num_sizes, kMostSizes);
  for (std::size_t i = 0; i < count; ++i) absl::StrAppend(&text, i > 0 ? ", " : "", sizes[i]);
  absl::StrAppend(&text, num_sizes > kMostSizes ? ", …" : "", "]");
  if (tag != 0) absl::StrAppend(&text, ", tag ", tag);
  return text + ")";
}

std::string CollectiveFacts::place() const {
  const std::string_view path = text_of(file.data(), file.size());
  if (path.empty()) return "";
  return absl::StrCat("`", plain(std::string(text_of(what.data(), what.size()))), "` (",
                      plain(base_name(path)), ":", line, ")");
}

std::int64_t CollectiveFacts::num_bytes() const {
  // Of any contents: no number may overflow.
  const auto size = static_cast<std::uint64_t>(facts_of(type).size);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(num_elements) * size);
}

bool CollectiveFacts::agrees_with(const CollectiveFacts& other) const {
  return number == other.number && communicator_id == other.communicator_id && kind == other.kind &&
         type == other.type && num_sizes == other.num_sizes && sizes == other.sizes &&
         tag == other.tag;
}

}  // namespace accelerate::launcher
