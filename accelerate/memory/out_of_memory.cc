#include "accelerate/memory/out_of_memory.h"

#include <torch/csrc/autograd/graph_task.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "accelerate/libtorch/tested_version.h"
#include "launcher/text/human_size.h"

namespace accelerate {
namespace {

using launcher::human_size;

constexpr size_t kMostTensors = 5;

struct Watches {
  std::mutex mutex;
  std::vector<const OutOfMemoryWatch*> all;
  std::string note;
};

// Never destroyed, as an allocator may ask for it to the very end.
Watches& watches() {
  static auto* const kWatches = new Watches;
  return *kWatches;
}

std::string figures(const cuda::FailedAllocation& failed) {
  std::ostringstream out;
  out << "wanted " << human_size(failed.wanted) << " on GPU " << failed.device << ", where "
      << human_size(failed.free) << " of " << human_size(failed.total) << " are free";
  if (failed.kept > 0)
    out << " and LibTorch keeps another " << human_size(failed.kept) << " in pieces";
  return out.str();
}

void list_largest(std::ostream& out, const MemoryUsage& usage) {
  if (usage.held.empty()) return;
  out << "\nthe largest tensors that are known:";
  for (size_t i = 0; i < std::min(kMostTensors, usage.held.size()); ++i) {
    out << "\n  " << usage.held[i].name << " (" << name_of(usage.held[i].kind) << "), "
        << human_size(usage.held[i].bytes);
  }
}

// The sentences about what would help here, the most helpful first.
void list_remedies(std::ostream& out, const cuda::FailedAllocation& failed,
                   const std::optional<MemoryUsage>& usage) {
  out << "what helps:";
  if (failed.kept >= failed.wanted)
    out << "\n  PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, because there is enough memory, "
           "but not in one piece";
  out << "\n  a smaller batch, with gradient_accumulation_steps to keep the number of samples per "
         "update (find_executable_batch_size() finds one)"
         "\n  --mixed_precision=bf16, if it is not on, or shorter sequences";
  if (usage && usage->bytes_of(MemoryKind::kOptimizer) > usage->bytes_of(MemoryKind::kParameter))
    out << "\n  an optimizer with less state: Lion and SGD with momentum keep one value for each "
           "parameter where Adam keeps two";
}

}  // namespace

OutOfMemoryWatch::OutOfMemoryWatch(const ProcessInfo& process, std::function<MemoryUsage()> usage)
    : process_(process), usage_(std::move(usage)) {
  static std::once_flag listening;
  if (process.device.is_cuda())
    std::call_once(listening, [] { cuda::on_out_of_memory(&OutOfMemoryWatch::note); });
  const std::lock_guard lock(watches().mutex);
  watches().all.push_back(this);
}

OutOfMemoryWatch::~OutOfMemoryWatch() {
  const std::lock_guard lock(watches().mutex);
  std::erase(watches().all, this);
}

std::string OutOfMemoryWatch::describe(const cuda::FailedAllocation& failed) const {
  std::ostringstream out;
  out << "rank " << process_.rank << " " << figures(failed);
  // Elsewhere the tensors could change while they are read.
  const bool may_look =
      std::this_thread::get_id() == thread_ || torch::autograd::get_current_graph_task_id() >= 0;
  std::optional<MemoryUsage> usage;
  if (may_look) usage = usage_();
  if (usage) {
    out << "\n" << *usage;
    list_largest(out, *usage);
  }
  out << "\n";
  list_remedies(out, failed, usage);
  return out.str();
}

// Called while the allocator is about to throw, which nothing may come in the way of.
void OutOfMemoryWatch::note(const cuda::FailedAllocation& failed) {
  const std::lock_guard lock(watches().mutex);
  const auto& all = watches().all;
  std::string& note = watches().note;
  try {
    note = figures(failed);
    if (!all.empty()) note = all.back()->describe(failed);
  } catch (const std::exception&) {
    // Then what is known of it already has to do.
  }
}

std::string take_out_of_memory_note() {
  const std::lock_guard lock(watches().mutex);
  return std::exchange(watches().note, "");
}

}  // namespace accelerate
