// The names of the environment variables that pass between a launcher and its workers.
//
// Example:
//   setenv(accelerate::launcher::kRankVariable, "0", /*overwrite=*/1);
//
// Not for reading a worker's place in the job: read_worker_environment() (worker_environment.h)
// knows the names that MPI uses as well, and checks the values against each other.
#pragma once

namespace accelerate::launcher {

// The place of a process in its job, as torchrun names it.
inline constexpr char kRankVariable[] = "RANK";
inline constexpr char kWorldSizeVariable[] = "WORLD_SIZE";
inline constexpr char kLocalRankVariable[] = "LOCAL_RANK";
inline constexpr char kLocalWorldSizeVariable[] = "LOCAL_WORLD_SIZE";

// Where the rendezvous store of the job listens.
inline constexpr char kMainAddressVariable[] = "MASTER_ADDR";
inline constexpr char kMainPortVariable[] = "MASTER_PORT";

// "True" if a torchrun agent holds the store, so that no worker may listen for it.
inline constexpr char kAgentStoreVariable[] = "TORCHELASTIC_USE_AGENT_STORE";
// The descriptor of the store's listening socket, already open; only rank 0 of a supervised job has
// it.
inline constexpr char kStoreFdVariable[] = "ACCELERATE_STORE_FD";
inline constexpr char kRankStatesVariable[] = "ACCELERATE_RANK_STATES";
inline constexpr char kFlightRecordVariable[] = "ACCELERATE_FLIGHT_RECORD";
// A secret that the processes of one attempt of a supervised job share, and with which they sign
// what they write to the store.
inline constexpr char kStoreSecretVariable[] = "ACCELERATE_STORE_SECRET";

// Further variables that torchrun sets. Processes that do the same work have one role; the
// processes of one machine are a group.
inline constexpr char kRoleNameVariable[] = "ROLE_NAME";
inline constexpr char kRoleRankVariable[] = "ROLE_RANK";
inline constexpr char kRoleWorldSizeVariable[] = "ROLE_WORLD_SIZE";
inline constexpr char kGroupRankVariable[] = "GROUP_RANK";
inline constexpr char kGroupWorldSizeVariable[] = "GROUP_WORLD_SIZE";
inline constexpr char kRestartCountVariable[] = "TORCHELASTIC_RESTART_COUNT";
inline constexpr char kMaxRestartsVariable[] = "TORCHELASTIC_MAX_RESTARTS";
inline constexpr char kRunIdVariable[] = "TORCHELASTIC_RUN_ID";
// The file to which a Python program writes its last exception.
inline constexpr char kErrorFileVariable[] = "TORCHELASTIC_ERROR_FILE";
inline constexpr char kNcclErrorHandlingVariable[] = "TORCH_NCCL_ASYNC_ERROR_HANDLING";

// The network interface for Gloo, such as "eth0".
inline constexpr char kGlooInterfaceVariable[] = "GLOO_SOCKET_IFNAME";

// How to train.
inline constexpr char kMixedPrecisionVariable[] = "ACCELERATE_MIXED_PRECISION";
inline constexpr char kMixedPrecisionFallbackVariable[] = "MIXED_PRECISION";
inline constexpr char kUseCpuVariable[] = "ACCELERATE_USE_CPU";
inline constexpr char kThreadsVariable[] = "OMP_NUM_THREADS";
inline constexpr char kVisibleGpusVariable[] = "CUDA_VISIBLE_DEVICES";
inline constexpr char kCpuAffinityVariable[] = "ACCELERATE_CPU_AFFINITY";
// The number of batches whose gradients each step of the optimizer accumulates.
inline constexpr char kAccumulationStepsVariable[] = "ACCELERATE_GRADIENT_ACCUMULATION_STEPS";
// The switches for sharding (sharding.h), and FSDP's strategy.
inline constexpr char kUseFsdpVariable[] = "ACCELERATE_USE_FSDP";
inline constexpr char kUseDeepspeedVariable[] = "ACCELERATE_USE_DEEPSPEED";
inline constexpr char kFsdpStrategyVariable[] = "FSDP_SHARDING_STRATEGY";
// The lowest level of messages that go to standard error, such as "ERROR".
inline constexpr char kLogLevelVariable[] = "ACCELERATE_LOG_LEVEL";
// Whether collectives check their arguments.
inline constexpr char kDebugModeVariable[] = "ACCELERATE_DEBUG_MODE";
// How Intel's OpenMP places its threads, and how long they wait for work before they sleep.
inline constexpr char kKmpAffinityVariable[] = "KMP_AFFINITY";
inline constexpr char kKmpBlockTimeVariable[] = "KMP_BLOCKTIME";

}  // namespace accelerate::launcher
