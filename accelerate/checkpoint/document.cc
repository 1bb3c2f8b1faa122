#include "accelerate/checkpoint/document.h"

#include <c10/util/Exception.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "absl/status/statusor.h"
#include "accelerate/checkpoint/run_states.h"
#include "accelerate/checkpoint/state_json.h"
#include "formats/files/mapped_file.h"
#include "launcher/text/printable.h"

namespace accelerate::internal {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "accelerate-cpp state";
constexpr int64_t kVersion = 1;
constexpr const char* kParts = "parts";
constexpr const char* kRanks = "ranks";
constexpr const char* kObjects = "objects";

json parsed(std::string_view text) {
  // Of the objects that are open, the names that there were. A library takes the last of two.
  std::vector<std::set<std::string>> names;
  std::string twice;
  const auto note = [&](int, json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event == json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  json document = json::parse(text.begin(), text.end(), note, /*allow_exceptions=*/false);
  TORCH_CHECK(document.is_object(), "it is not a JSON object");
  TORCH_CHECK(twice.empty(), "the name ", launcher::printable(twice), " appears twice");
  return document;
}

const json& member(const json& document, const char* name, json::value_t type) {
  const auto found = document.find(name);
  TORCH_CHECK(found != document.end() && found->type() == type, "`", name,
              "` is missing, or is not of the type ", json(type).type_name());
  return *found;
}

RunState states_of(const json& parts, const std::string& place) {
  TORCH_CHECK(parts.is_object(), "`", place, "` is not an object");
  RunState states;
  for (const auto& [part, state] : parts.items())
    states[part] = state_of(state, place + "." + part);
  return states;
}

Document document_of(const json& document, int world_size) {
  TORCH_CHECK(member(document, "format", json::value_t::string) == kFormat,
              "it does not belong to a checkpoint");
  const json& version = member(document, "version", json::value_t::number_unsigned);
  TORCH_CHECK(version == kVersion, "it is of version ", version.get<uint64_t>(),
              ", but this version of the library reads version ", kVersion);
  Document result;
  result.shared = states_of(member(document, kParts, json::value_t::object), kParts);
  const json& ranks = member(document, kRanks, json::value_t::array);
  TORCH_CHECK(ranks.size() == static_cast<size_t>(world_size), "`", kRanks, "` has ", ranks.size(),
              " ranks, but the run had ", world_size);
  for (const json& rank : ranks)
    result.ranks.push_back(states_of(rank, c10::str(kRanks, ".", result.ranks.size())));
  for (const json& name : member(document, kObjects, json::value_t::array)) {
    TORCH_CHECK(name.is_string(), "`", kObjects, "` contains something that is not a name");
    result.objects.push_back(name);
  }
  result.progress = progress_of(result.shared[kProgressPart]);
  return result;
}

}  // namespace

const State* Document::own(size_t rank, const std::string& part) const {
  if (rank >= ranks.size()) return nullptr;
  const auto found = ranks[rank].find(part);
  return found == ranks[rank].end() ? nullptr : &found->second;
}

std::string document_text(const RunState& shared, const json& ranks,
                          const std::vector<std::string>& objects) {
  json parts = json::object();
  for (const auto& [part, state] : shared) parts[part] = json_of(state);
  const json document = {{"format", kFormat},
                         {"version", kVersion},
                         {kParts, parts},
                         {kObjects, objects},
                         {kRanks, ranks}};
  return document.dump(1);
}

Document read_document(const std::string& folder, int world_size) {
  const std::string path = folder + "/" + kDocument;
  const absl::StatusOr<MappedFile> file = MappedFile::open(path);
  TORCH_CHECK(file.ok(), std::string(file.status().message()));
  Document document;
  try {
    document = document_of(parsed({file->bytes().data(), file->bytes().size()}), world_size);
  } catch (const c10::Error& error) {
    TORCH_CHECK(false, path, ": ", error.what_without_backtrace(), "; use another checkpoint");
  }
  return document;
}

}  // namespace accelerate::internal
