#include "accelerate/checkpoint/run_states.h"

#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "accelerate/checkpoint/state_json.h"
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/state/bytes.h"
#include "formats/checkpoints/verify.h"

namespace accelerate::internal {
namespace {

// How much of a tensor of the program's own is compared between the ranks.
constexpr size_t kCompared = 1 << 20;
// And of one of a model or an optimizer, which are one by what the library does, unless the program
// steps within no_sync(): a glance at them is to cost nothing.
constexpr size_t kGlanced = 1 << 10;
// How many bytes each rank may have of its own, as all of them pass through every rank.
constexpr size_t kLargestOwn = size_t{64} << 20;

nlohmann::json own_json(const std::string& name, const State& state) {
  size_t size = 0;
  for (const auto& [key, value] : state.values())
    if (const auto* tensor = std::get_if<at::Tensor>(&value)) size += tensor->nbytes();
  TORCH_CHECK(size <= kLargestOwn, "`", name, "`, which each rank saves for itself, has ", size,
              " bytes, and at most ", kLargestOwn,
              " are allowed; save it in a hook (register_save_state_pre_hook())");
  return json_of(state, Tensors::kAsBytes);
}

bool is_archive(const std::string& name) { return name.ends_with(kArchiveName); }

// Where a stream is in its own terms is known where it is read.
bool is_of_a_stream(const std::string& name) { return name.find("stream") != std::string::npos; }

// Its first bytes, in the order of its memory if that has no gaps.
at::Tensor first_bytes(const at::Tensor& tensor, size_t most) {
  const at::Tensor whole = tensor.detach();
  const at::Tensor flat = whole.is_non_overlapping_and_dense()
                              ? whole.as_strided({whole.numel()}, {1})
                              : whole.reshape({-1});
  const auto count = static_cast<int64_t>(most) / flat.element_size();
  return flat.narrow(0, 0, std::min(flat.numel(), count)).view(at::kByte);
}

uint32_t digest_of(const std::string& part, const State& state) {
  State compared;
  for (const auto& [name, value] : state.values())
    if (part != kLoadersPart || !is_of_a_stream(name)) compared.set(name, value);
  uint32_t digest = checkpoints::crc32(json_of(compared).dump());
  const bool is_own = part == kObjectsPart;
  if (!is_own && part != kModelsPart && part != kOptimizersPart) return digest;
  const auto add = [&digest](const at::Tensor& bytes) {
    digest = checkpoints::crc32(
        absl::string_view(static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()),
        digest);
  };
  std::map<std::string, std::vector<at::Tensor>> on_devices;
  for (const auto& [name, value] : state.values()) {
    const auto* tensor = std::get_if<at::Tensor>(&value);
    if (tensor == nullptr || tensor->numel() == 0 || is_archive(name) || is_cut(*tensor)) continue;
    if (is_own) {
      add(first_bytes(tensor->detach().reshape({-1}), kCompared).cpu());
    } else if (tensor->is_cpu()) {
      add(first_bytes(*tensor, kGlanced));
    } else {
      on_devices[tensor->device().str()].push_back(first_bytes(*tensor, kGlanced));
    }
  }
  // Each device is waited for once.
  for (const auto& [device, bytes] : on_devices) add(at::cat(bytes).cpu());
  return digest;
}

}  // namespace

std::string own_part(const Stateful& object) {
  return c10::str(kObjectsPart, ".", object.state_name());
}

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
      states.own[own_part(*object)] = own_json(name, object->save());
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

State state_of(const Progress& progress) {
  State state;
  state.set("epoch", progress.epoch);
  state.set("step", progress.step);
  for (const auto& [name, number] : progress.numbers) state.set("numbers." + name, number);
  return state;
}

Progress progress_of(const State& state) {
  Progress progress{.epoch = state.count("epoch"), .step = state.count("step")};
  const State numbers = state.part("numbers");
  for (const auto& [name, value] : numbers.values()) progress.numbers[name] = numbers.number(name);
  return progress;
}

}  // namespace accelerate::internal
