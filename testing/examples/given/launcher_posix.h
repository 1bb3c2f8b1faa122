// What examples of launcher/posix take as given.
#include <poll.h>

#include <cerrno>

// ---- address.h
void open_door();
// ---- address_lookup.h
void connect_to(const absl::StatusOr<std::vector<Address>>& addresses);
// ---- signal_scope.h
void handle(int signal);
// ---- tidying_handler.h
extern void (*handler)(int signal);
void tidy_and_end(int signal);
void replace_handler();
// ---- time_left.h
extern std::vector<pollfd> polled;
extern std::chrono::steady_clock::time_point deadline;
// ---- whole_write.h
extern bool lines_are_missing;
// ---- worker_end.h
extern WorkerEnd end;
