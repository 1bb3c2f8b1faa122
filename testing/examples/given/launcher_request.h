// What examples of launcher/request take as given.
#include <chrono>

#include "launcher/request/flag_help.h"

// ---- rendezvous_settings.h
void wait_at_most(std::chrono::seconds time);
// ---- request_checks.h
extern ProgramOrigin origin;
