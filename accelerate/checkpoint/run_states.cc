#include "accelerate/checkpoint/run_states.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>

#include "accelerate/checkpoint/state_json.h"
#include "accelerate/state/bytes.h"
#include "formats/checkpoints/verify.h"

namespace accelerate::internal {
namespace {

constexpr const char* kFormat = "accelerate-cpp state";
constexpr int64_t kVersion = 1;
// How much of a tensor of the program's own is compared between the ranks.
constexpr int64_t kCompared = 1 << 20;
// And of one of a model or an optimizer.
constexpr int64_t kGlanced = 1 << 10;
// How many bytes each rank may have of its own, as all of them pass through every rank.
constexpr size_t kLargestOwn = size_t{64} << 20;

nlohmann::json own_json(const std::string& name, const State& state) {
  size_t size = 0;
  for (const auto& [key, value] : state.values())
    if (const auto* tensor = std::get_if<at::Tensor>(&value)) size += tensor->nbytes();
  TORCH_CHECK(size <= kLargestOwn, "`", name, "`, of which each rank has its own, has ", size,
              " bytes; more than ", kLargestOwn,
              " do not go into a checkpoint that way. Save them ",
              "in a hook (register_save_state_pre_hook())");
  return json_of(state, Tensors::kAsBytes);
}

bool is_archive(const std::string& name) { return name.ends_with(kArchiveName); }

// Where a stream is in its own terms is known where it is read.
bool is_of_a_stream(const std::string& name) { return name.find("stream") != std::string::npos; }

uint32_t digest_of(const std::string& part, const State& state) {
  State compared;
  for (const auto& [name, value] : state.values())
    if (part != kLoadersPart || !is_of_a_stream(name)) compared.set(name, value);
  uint32_t digest = checkpoints::crc32(json_of(compared).dump());
  const bool is_own = part == kObjectsPart;
  if (!is_own && part != kModelsPart && part != kOptimizersPart) return digest;
  for (const auto& [name, value] : state.values()) {
    const auto* tensor = std::get_if<at::Tensor>(&value);
    if (tensor == nullptr || tensor->numel() == 0 || is_archive(name)) continue;
    // Models and optimizers are one by what the library does; a glance at them is to cost nothing.
    if (!is_own && (!tensor->is_cpu() || !tensor->is_contiguous())) continue;
    const at::Tensor flat = tensor->detach().reshape({-1});
    const int64_t bytes = is_own ? kCompared : kGlanced;
    const int64_t count =
        std::min<int64_t>(flat.numel(), bytes / static_cast<int64_t>(flat.element_size()));
    const at::Tensor host = flat.narrow(0, 0, count).cpu().contiguous();
    digest = checkpoints::crc32(
        absl::string_view(static_cast<const char*>(host.const_data_ptr()), host.nbytes()), digest);
  }
  return digest;
}

}  // namespace

RunStates collect(const std::vector<Stateful*>& parts,
                  const std::vector<std::unique_ptr<Stateful>>& objects, const Progress& progress) {
  RunStates states;
  for (Stateful* part : parts) {
    const std::string name(part->state_name());
    // Loaders are at one place on all ranks when all save, and the place knows nothing of ranks.
    if (part->is_equal_on_all_ranks() || name == kLoadersPart) {
      states.shared[name] = part->save();
    } else {
      states.own[name] = own_json(name, part->save());
    }
  }
  for (const auto& object : objects) {
    const std::string name(object->state_name());
    if (object->is_equal_on_all_ranks()) {
      states.shared[kObjectsPart].set_all(name, object->save());
    } else {
      states.own[c10::str(kObjectsPart, ".", name)] = own_json(name, object->save());
    }
  }
  states.shared[kProgressPart] = state_of(progress);
  return states;
}

void share_archives(Communicator& communicator, RunState& shared) {
  if (communicator.size() == 1) return;
  for (auto& [part, state] : shared) {
    const State before = state;
    for (const auto& [name, value] : before.values()) {
      const auto* own = std::get_if<at::Tensor>(&value);
      if (own == nullptr || !is_archive(name)) continue;
      const std::string bytes = communicator.broadcast_bytes(
          {static_cast<const char*>(own->const_data_ptr()), own->nbytes()}, /*root=*/0);
      state.set(name, tensor_of_bytes(bytes));
    }
  }
}

nlohmann::json digests_of(const RunState& shared) {
  nlohmann::json digests = nlohmann::json::object();
  for (const auto& [part, state] : shared) digests[part] = digest_of(part, state);
  return digests;
}

nlohmann::json document_of(const RunState& shared, const nlohmann::json& ranks,
                           const std::vector<std::string>& objects) {
  nlohmann::json parts = nlohmann::json::object();
  for (const auto& [part, state] : shared) parts[part] = json_of(state);
  return {{"format", kFormat},
          {"version", kVersion},
          {"parts", parts},
          {"objects", objects},
          {"ranks", ranks}};
}

RunState shared_of(const nlohmann::json& document) {
  TORCH_CHECK(document.value("format", "") == kFormat, "state.json is of no checkpoint");
  const int64_t version = document.value("version", int64_t{0});
  TORCH_CHECK(version == kVersion, "the checkpoint is of version ", version,
              ", and this program reads version ", kVersion,
              "; load it with the version of the library that saved it");
  RunState shared;
  for (const auto& [part, state] : document.at("parts").items()) shared[part] = state_of(state);
  return shared;
}

std::vector<RunState> ranks_of(const nlohmann::json& document) {
  std::vector<RunState> ranks;
  for (const auto& rank : document.at("ranks")) {
    RunState& states = ranks.emplace_back();
    for (const auto& [part, state] : rank.items()) states[part] = state_of(state);
  }
  return ranks;
}

std::vector<std::string> objects_of(const nlohmann::json& document) {
  return document.at("objects").get<std::vector<std::string>>();
}

State state_of(const Progress& progress) {
  State state;
  state.set("epoch", progress.epoch);
  state.set("step", progress.step);
  for (const auto& [name, number] : progress.numbers) state.set("numbers." + name, number);
  return state;
}

Progress progress_of(const State& state) {
  Progress progress{.epoch = state.integer("epoch"), .step = state.integer("step")};
  const State numbers = state.part("numbers");
  for (const auto& [name, value] : numbers.values()) progress.numbers[name] = numbers.number(name);
  return progress;
}

}  // namespace accelerate::internal
