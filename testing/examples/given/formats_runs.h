// What examples of formats/runs take as given.
#include <iostream>

#include "absl/status/status.h"

int fail(const absl::Status& status);
// ---- curve.h
extern std::vector<metrics::Point> points;
// ---- page.h
#include "formats/files/atomic_file.h"
#include "formats/runs/read_runs.h"
// ---- run_json.h
extern Run run;
