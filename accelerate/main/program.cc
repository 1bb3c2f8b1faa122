#include "accelerate/main/program.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "accelerate/process/cuda.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/sharding.h"

namespace accelerate::internal {
namespace {

using launcher::DeviceKind;

bool is_for(const StrategyTraits& strategy, bool gpu) {
  return (strategy.device == c10::DeviceType::CUDA) == gpu;
}

bool is_for(const Program& program, bool gpu) {
  return std::any_of(program.variants.begin(), program.variants.end(),
                     [&](const Variant& variant) { return is_for(variant.strategy, gpu); });
}

std::set<std::string> precisions_of(const Program& program) {
  std::set<std::string> names;
  for (const Variant& variant : program.variants) names.insert(std::string(variant.precision.name));
  return names;
}

// The GPUs that this program could use if nobody says otherwise.
int usable_gpus(const Program& program, int gpus) {
  if (!cuda::in_build() || !is_for(program, /*gpu=*/true)) return 0;
  const bool takes_many =
      std::any_of(program.variants.begin(), program.variants.end(), [](const Variant& variant) {
        return is_for(variant.strategy, /*gpu=*/true) && variant.strategy.multi_process;
      });
  return takes_many ? gpus : std::min(gpus, 1);
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
  // Who launched it shows what it writes.
  request.output = {};
}

// How well a strategy does what a plan asks for; 0 where it does not.
int fitness_of(const StrategyTraits& strategy, const launcher::LaunchPlan& plan, int world_size) {
  if (!is_for(strategy, plan.device == DeviceKind::kGpu)) return 0;
  // Alone, nothing is cut, whatever is asked for. A strategy for several processes also serves one.
  if (!strategy.multi_process) return world_size == 1 ? 4 : 0;
  if (strategy.sharding == plan.sharding.value_or(Sharding::kNone)) return 3;
  if (!strategy.sharding.has_value()) return 2;
  // A program that was built to shard does so as long as nobody asks for something else.
  const bool is_asked = plan.sharding.has_value();
  const bool keeps_all = strategy.sharding == Sharding::kNone && world_size == 1;
  return !is_asked || keeps_all ? 1 : 0;
}

// The one that is in a program for nothing but this plan.
StrategyTraits wanted_strategy(const launcher::LaunchPlan& plan, int world_size) {
  const bool gpu = plan.device == DeviceKind::kGpu;
  if (plan.sharding == Sharding::kZero1) return gpu ? Zero1Gpu::traits : Zero1Cpu::traits;
  if (plan.sharding == Sharding::kZero2) return gpu ? Zero2Gpu::traits : Zero2Cpu::traits;
  if (world_size == 1) return gpu ? Gpu::traits : Cpu::traits;
  return gpu ? MultiGpu::traits : MultiCpu::traits;
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
  if (wants_gpus && worker_world_size > 0 && machine.num_gpus == 0) {
    return absl::FailedPreconditionError(
        "--multi_gpu (or `distributed_type: MULTI_GPU`) was passed, but CUDA shows no GPU to this "
        "process; look at nvidia-smi, CUDA_VISIBLE_DEVICES and the GPUs that the job asked for, or "
        "pass --cpu");
  }
  if (worker_world_size > 0) leave_place_to_launcher(request);
  auto plan = launcher::make_launch_plan(request, launcher::ProgramOrigin::kHere, machine);
  if (!plan.ok()) return plan.status();
  if (!plan->mixed_precision.has_value()) {
    const std::set<std::string> precisions = precisions_of(program);
    const std::string own = precisions.size() == 1 ? *precisions.begin() : "no";
    plan->mixed_precision = *launcher::parse_mixed_precision(own);
  }
  const int world_size = worker_world_size > 0 ? worker_world_size : plan->world_size();
  const auto variant = find_variant(program, *plan, world_size);
  if (!variant.ok()) return variant.status();
  // What is shown of the plan says what will happen.
  if (const auto& built = (*variant)->strategy.sharding;
      built.value_or(Sharding::kNone) != Sharding::kNone)
    plan->sharding = built;
  return plan;
}

absl::StatusOr<const Variant*> find_variant(const Program& program,
                                            const launcher::LaunchPlan& plan, int world_size) {
  const bool gpu = plan.device == DeviceKind::kGpu;
  const std::string precision = launcher::to_string(*plan.mixed_precision);

  std::set<std::string> strategies;
  const Variant* found = nullptr;
  int best = 0;
  for (const Variant& variant : program.variants) {
    strategies.insert(std::string(variant.strategy.name));
    if (variant.precision.name != precision) continue;
    const int fitness = fitness_of(variant.strategy, plan, world_size);
    if (fitness <= best) continue;
    best = fitness;
    found = &variant;
  }
  if (found != nullptr) return found;
  std::ostringstream message;
  const std::set<std::string> precisions = precisions_of(program);
  if (!precisions.contains(precision)) {
    message << "this program was built for mixed precision " << joined(precisions)
            << " only, not for " << precision
            << "; build it without a fixed precision (--precision=auto), or with --config="
            << (precision == "no" ? "fp32" : precision);
  } else if (!gpu && !is_for(program, /*gpu=*/false)) {
    message
        << "this program was built for the strategy " << joined(strategies)
        << " only, but this machine shows no GPU, or you asked for the CPU; check nvidia-smi and "
           "CUDA_VISIBLE_DEVICES, or build it with --strategy=auto";
  } else {
    message << "this program was built for the strategy " << joined(strategies) << " only, not for "
            << world_size << (world_size == 1 ? " process" : " processes") << " on the "
            << (gpu ? "GPU" : "CPU");
    if (plan.sharding.has_value()) message << " with " << launcher::sharding_title(*plan.sharding);
    message << "; build it without a fixed strategy (--strategy=auto), or with --strategy="
            << wanted_strategy(plan, world_size).name;
  }
  return absl::NotFoundError(message.str());
}

}  // namespace accelerate::internal
