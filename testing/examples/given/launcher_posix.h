// What examples of launcher/posix take as given.
#include <poll.h>

#include <cerrno>

// ---- address.h
void open_door();
// ---- address_lookup.h
void connect_to(const absl::StatusOr<std::vector<Address>>& addresses);
// ---- signal_scope.h
void handle(int signal);
// ---- time_left.h
extern std::vector<pollfd> polled;
extern std::chrono::steady_clock::time_point deadline;
// ---- worker_end.h
extern WorkerEnd end;
