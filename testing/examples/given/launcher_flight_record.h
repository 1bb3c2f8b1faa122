// What examples of launcher/flight_record take as given.
#include "launcher/flight_record/flight_memory.h"

extern pid_t pid;
// ---- collective_facts.h
#include "launcher/flight_record/flight_recorder.h"
extern FlightRecorder& recorder;
// ---- flight_recorder.h
extern std::string path;
extern CollectiveFacts facts;
// ---- flight_report.h
extern absl::StatusOr<FlightMemory> memory;
// ---- flight_snapshot.h
#include <iostream>
extern absl::StatusOr<FlightMemory> memory;
// ---- flight_view.h
#include <iostream>
extern absl::StatusOr<FlightMemory> memory;
// ---- hang_watch.h
extern absl::StatusOr<FlightMemory> memory;
void report();
