// What examples of formats/tensorboard take as given.
#include <fstream>
#include <iostream>
#include <vector>

#include "absl/status/status.h"
#include "formats/metrics/record.h"

int fail(const absl::Status& status);
// ---- event_writer.h
extern std::vector<metrics::Record> records;
// ---- histogram.h
extern std::vector<double> weights;
