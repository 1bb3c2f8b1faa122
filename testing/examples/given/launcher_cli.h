// What examples of launcher/cli take as given.
#include <sstream>

extern const Console console;
// ---- arguments.h
void add_row(const std::string& dtype);
// ---- config_fact.h
extern Arguments arguments;
// ---- mpirun_program.h
extern MpirunLaunch launch;
// ---- questionnaire.h
extern Dialog& dialog;
extern absl::Status status;
// ---- runs_table.h
#include "formats/runs/read_runs.h"
// ---- sparkline.h
extern runs::Metric metric;
// ---- training_memory.h
#include "formats/safetensors/model.h"
extern std::vector<safetensors::ModelFile> files;
// ---- training_table.h
#include "formats/safetensors/model.h"
extern Arguments arguments;
extern absl::StatusOr<std::vector<safetensors::ModelFile>> files;
