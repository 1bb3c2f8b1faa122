// What examples of launcher/rendezvous take as given.
#include <poll.h>

extern FileDescriptor socket;
extern RendezvousSettings settings;
extern Hello hello;
// ---- connection.h
void handle(const Message& message);
void forget(const Connection& connection);
// ---- job_link.h
extern int store_port, local_rank;
extern std::string store_secret;
extern WorkerEnd end;
// ---- member.h
void start_processes(int store_port);
void stop_processes();
// ---- program_digest.h
extern std::vector<Term> terms;
