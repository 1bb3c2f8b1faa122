// What examples of formats/metrics take as given.
#include <cstdint>
#include <iostream>

#include "absl/status/status.h"
#include "formats/metrics/jsonl_reader.h"
#include "formats/metrics/record.h"

int fail(const absl::Status& status);
