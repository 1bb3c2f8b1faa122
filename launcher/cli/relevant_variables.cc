#include "launcher/cli/relevant_variables.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/match.h"
#include "launcher/env/python_interpreter.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

// What is said in full: numbers, paths, and words of a few. A variable that is not here may be a
// secret, whatever it is called, and the id of a job is one.
constexpr std::array kShown = {
    kRankVariable,
    kWorldSizeVariable,
    kLocalRankVariable,
    kLocalWorldSizeVariable,
    kMainAddressVariable,
    kMainPortVariable,
    kMixedPrecisionVariable,
    kMixedPrecisionFallbackVariable,
    kUseCpuVariable,
    kDebugModeVariable,
    kCpuAffinityVariable,
    kStoreFdVariable,
    kRankStatesVariable,
    kFlightRecordVariable,
    kVisibleGpusVariable,
    kThreadsVariable,
    kPythonVariable,
    "HF_HOME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LIBTORCH",
    "XDG_CACHE_HOME",

    "ACCELERATE_DEEPSPEED_ZERO_STAGE",
    "ACCELERATE_DYNAMO_BACKEND",
    "ACCELERATE_DYNAMO_MODE",
    "ACCELERATE_FP8_BACKEND",
    "ACCELERATE_FP8_FORMAT",
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS",
    "ACCELERATE_LOG_LEVEL",
    "ACCELERATE_TORCH_DEVICE",
    "ACCELERATE_USE_DEEPSPEED",
    "ACCELERATE_USE_FSDP",
    "ACCELERATE_USE_MEGATRON_LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG",

    "CUDA_CACHE_DISABLE",
    "CUDA_DEVICE_MAX_CONNECTIONS",
    "CUDA_DEVICE_ORDER",
    "CUDA_HOME",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_MODULE_LOADING",
    "CUDA_MPS_PIPE_DIRECTORY",
    "CUDA_PATH",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_TF32_OVERRIDE",
    "NVIDIA_VISIBLE_DEVICES",

    "FSDP_AUTO_WRAP_POLICY",
    "FSDP_OFFLOAD_PARAMS",
    "FSDP_RESHARD_AFTER_FORWARD",
    "FSDP_SHARDING_STRATEGY",
    "FSDP_STATE_DICT_TYPE",
    "FSDP_VERSION",
    "PARALLELISM_CONFIG_CP_SIZE",
    "PARALLELISM_CONFIG_DP_REPLICATE_SIZE",
    "PARALLELISM_CONFIG_DP_SHARD_SIZE",
    "PARALLELISM_CONFIG_SP_SIZE",
    "PARALLELISM_CONFIG_TP_SIZE",

    "GLOO_SOCKET_IFNAME",
    "GOMP_CPU_AFFINITY",
    "GOMP_SPINCOUNT",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "MKL_NUM_THREADS",
    "MKL_THREADING_LAYER",
    "OMP_DYNAMIC",
    "OMP_MAX_ACTIVE_LEVELS",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OMP_SCHEDULE",
    "OMP_STACKSIZE",
    "OMP_THREAD_LIMIT",
    "OMP_WAIT_POLICY",

    "NCCL_ALGO",
    "NCCL_ASYNC_ERROR_HANDLING",
    "NCCL_BLOCKING_WAIT",
    "NCCL_BUFFSIZE",
    "NCCL_CROSS_NIC",
    "NCCL_CUMEM_ENABLE",
    "NCCL_DEBUG",
    "NCCL_DEBUG_FILE",
    "NCCL_DEBUG_SUBSYS",
    "NCCL_IB_DISABLE",
    "NCCL_IB_GID_INDEX",
    "NCCL_IB_HCA",
    "NCCL_IB_TIMEOUT",
    "NCCL_NET",
    "NCCL_NET_GDR_LEVEL",
    "NCCL_NVLS_ENABLE",
    "NCCL_P2P_DISABLE",
    "NCCL_P2P_LEVEL",
    "NCCL_PROTO",
    "NCCL_SHM_DISABLE",
    "NCCL_SOCKET_FAMILY",
    "NCCL_SOCKET_IFNAME",
    "NCCL_TOPO_FILE",
    "TORCH_CPP_LOG_LEVEL",
    "TORCH_DISTRIBUTED_DEBUG",
    "TORCH_NCCL_ASYNC_ERROR_HANDLING",
    "TORCH_NCCL_BLOCKING_WAIT",
    "TORCH_NCCL_HEARTBEAT_TIMEOUT_SEC",
    "TORCH_SHOW_CPP_STACKTRACES",
    "TORCHELASTIC_ERROR_FILE",
    "TORCHELASTIC_MAX_RESTARTS",
    "TORCHELASTIC_RESTART_COUNT",
    "TORCHELASTIC_USE_AGENT_STORE",

    "MPI_LOCALNRANKS",
    "MPI_LOCALRANKID",
    "MV2_COMM_WORLD_LOCAL_RANK",
    "MV2_COMM_WORLD_LOCAL_SIZE",
    "MV2_COMM_WORLD_RANK",
    "MV2_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "OMPI_COMM_WORLD_NODE_RANK",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_RANK",
    "PMI_SIZE",
    "SLURM_CPUS_ON_NODE",
    "SLURM_CPUS_PER_TASK",
    "SLURM_CPU_BIND",
    "SLURM_DISTRIBUTION",
    "SLURM_GPUS",
    "SLURM_GPUS_ON_NODE",
    "SLURM_GPUS_PER_NODE",
    "SLURM_GPUS_PER_TASK",
    "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_JOB_ID",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_NUM_NODES",
    "SLURM_LOCALID",
    "SLURM_MEM_PER_CPU",
    "SLURM_MEM_PER_NODE",
    "SLURM_NNODES",
    "SLURM_NODEID",
    "SLURM_NODELIST",
    "SLURM_NPROCS",
    "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_PROCID",
    "SLURM_STEP_GPUS",
    "SLURM_STEP_ID",
    "SLURM_STEP_NODELIST",
    "SLURM_STEP_NUM_NODES",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_TASKS_PER_NODE",
    "SLURM_TASKS_PER_NODE",
};

// The name of one that begins so is said, because whether it is set may matter.
constexpr std::array kPrefixes = {
    "ACCELERATE_", "CUDA_",
    "FSDP_",       "GLOO_",
    "GOMP_",       "KMP_",
    "MKL_",        "MPI_",
    "MV2_",        "NCCL_",
    "NVIDIA_",     "OMP_",
    "OMPI_COMM_",  "PARALLELISM_CONFIG_",
    "PMI_",        "SLURM_",
    "TORCH_",      "TORCHELASTIC_",
};

bool is_shown(const std::string& name) {
  return std::any_of(kShown.begin(), kShown.end(),
                     [&name](const char* each) { return name == each; });
}

bool is_relevant(const std::string& name) {
  return is_shown(name) ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&name](const char* prefix) { return absl::StartsWith(name, prefix); });
}

}  // namespace

std::vector<Fact> relevant_variables(const char* const* environment) {
  std::vector<Fact> facts;
  for (; *environment != nullptr; ++environment) {
    const std::string variable = *environment;
    const std::string name = variable.substr(0, variable.find('='));
    if (name.size() == variable.size() || !is_relevant(name)) continue;
    facts.push_back({name, is_shown(name) ? variable.substr(name.size() + 1) : "(set, not shown)"});
  }
  std::sort(facts.begin(), facts.end(),
            [](const Fact& left, const Fact& right) { return left.name < right.name; });
  return facts;
}

}  // namespace accelerate::launcher
