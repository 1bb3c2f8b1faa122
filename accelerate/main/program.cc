#include "accelerate/main/program.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "accelerate/process/cuda.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::internal {
namespace {

using launcher::DeviceKind;

bool has_strategy(const Program& program, const StrategyTraits& strategy) {
  for (const Variant& variant : program.variants) {
    if (variant.strategy == strategy) return true;
  }
  return false;
}

std::set<std::string> precisions_of(const Program& program) {
  std::set<std::string> names;
  for (const Variant& variant : program.variants) names.insert(std::string(variant.precision.name));
  return names;
}

// The GPUs that this program could use if nobody says otherwise.
int usable_gpus(const Program& program, int gpus) {
  if (!cuda::in_build()) return 0;
  if (has_strategy(program, MultiGpu::traits)) return gpus;
  return has_strategy(program, Gpu::traits) ? std::min(gpus, 1) : 0;
}

// A worker's place was decided by who launched it, on several machines perhaps; only its precision
// and device are left to find.
void leave_place_to_launcher(launcher::LaunchRequest& request) {
  launcher::LaunchConfig& config = request.config;
  request.processes_per_machine = std::nullopt;
  config.num_processes = 1;
  config.num_machines = std::nullopt;
  config.mpirun_config.clear();
  const bool counts_gpus = config.distributed_type == launcher::DistributedType::kMultiGpu;
  if (counts_gpus) config.distributed_type = std::nullopt;
}

template <class Names>
std::string joined(const Names& names) {
  std::ostringstream out;
  for (const auto& name : names) out << (out.tellp() > 0 ? ", " : "") << name;
  return out.str();
}

}  // namespace

absl::StatusOr<launcher::LaunchPlan> plan_program(const Program& program,
                                                  launcher::LaunchRequest request,
                                                  launcher::Machine machine,
                                                  int worker_world_size) {
  launcher::LaunchConfig& config = request.config;
  const bool wants_gpus = config.distributed_type == launcher::DistributedType::kMultiGpu &&
                          !config.use_cpu.value_or(false);
  if (wants_gpus && !cuda::in_build()) {
    return absl::InvalidArgumentError(
        "--multi_gpu (or `distributed_type: MULTI_GPU`) was passed, but CUDA is not in this build; "
        "build with --config=cuda, or pass --cpu");
  }
  machine.num_gpus = usable_gpus(program, machine.num_gpus);
  if (worker_world_size > 0) leave_place_to_launcher(request);
  auto plan = launcher::make_launch_plan(request, launcher::ProgramOrigin::kHere, machine);
  if (!plan.ok()) return plan.status();
  if (!plan->mixed_precision.has_value()) {
    const std::set<std::string> precisions = precisions_of(program);
    const std::string own = precisions.size() == 1 ? *precisions.begin() : "no";
    plan->mixed_precision = *launcher::parse_mixed_precision(own);
  }
  const int world_size = worker_world_size > 0 ? worker_world_size : plan->world_size();
  if (auto variant = find_variant(program, *plan, world_size); !variant.ok())
    return variant.status();
  return plan;
}

absl::StatusOr<const Variant*> find_variant(const Program& program,
                                            const launcher::LaunchPlan& plan, int world_size) {
  const bool gpu = plan.device == DeviceKind::kGpu;
  const StrategyTraits& multi = gpu ? MultiGpu::traits : MultiCpu::traits;
  const StrategyTraits& single = gpu ? Gpu::traits : Cpu::traits;
  const std::string precision = launcher::to_string(*plan.mixed_precision);

  std::set<std::string> strategies;
  const Variant* found = nullptr;
  for (const Variant& variant : program.variants) {
    strategies.insert(std::string(variant.strategy.name));
    if (variant.precision.name != precision) continue;
    if (world_size == 1 && variant.strategy == single) found = &variant;
    // A strategy for several processes also serves one.
    if (variant.strategy == multi && (world_size > 1 || found == nullptr)) found = &variant;
  }
  if (found != nullptr) return found;
  std::ostringstream message;
  const std::set<std::string> precisions = precisions_of(program);
  if (!precisions.contains(precision)) {
    message << "this program was built for mixed precision " << joined(precisions)
            << " only, not for " << precision
            << "; build it without a fixed precision (--precision=auto), or with --config="
            << (precision == "no" ? "fp32" : precision);
  } else if (!gpu && !has_strategy(program, Cpu::traits) &&
             !has_strategy(program, MultiCpu::traits)) {
    message
        << "this program was built for the strategy " << joined(strategies)
        << " only, and this machine shows no GPU, or the CPU was asked for; check nvidia-smi and "
           "CUDA_VISIBLE_DEVICES, or build it with --strategy=auto";
  } else {
    message << "this program was built for the strategy " << joined(strategies) << " only, not for "
            << world_size << (world_size == 1 ? " process" : " processes") << " on the "
            << (gpu ? "GPU" : "CPU")
            << "; build it without a fixed strategy (--strategy=auto), or with --strategy="
            << (world_size == 1 ? single : multi).name;
  }
  return absl::NotFoundError(message.str());
}

}  // namespace accelerate::internal
