// What examples of launcher/supervisor take as given.
#include "launcher/plan/worker_variables.h"
#include "launcher/supervisor/attempt.h"

extern Job job;
extern JobScope scope;
extern SignalScope signals;
extern Adoption adoption;
extern OutputRelay relay;
extern int rank;
// ---- adoption.h
extern pid_t worker, watchdog;
// ---- attempt.h
extern std::optional<LogFolder> logs;
// ---- end_report.h
extern WorkerGroup group;
extern GroupEnd end;
// ---- flight_reporter.h
extern pid_t worker;
// ---- group_end.h
extern GroupEnd end;
// ---- last_words.h
void blame(const std::optional<int>& rank);
// ---- output_relay.h
extern FileDescriptor read_end_of_rank_0;
// ---- output_tail.h
extern std::string chunk;
// ---- watchdog.h
void work();
// ---- worker_group.h
extern absl::StatusOr<Watchdog> watchdog;
extern absl::StatusOr<RankStates> rank_states;
extern FileDescriptor socket;
extern std::vector<WorkerSetup> setups;
int worker();
// ---- worker_process.h
extern pid_t parent;
extern Watchdog watchdog;
extern WorkerPlace place;
extern StoreEndpoint store;
extern FileDescriptor write_end;
