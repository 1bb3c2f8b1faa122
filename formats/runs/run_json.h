// A run as JSON, for scripts.
//
//  {"name": "first", "path": "runs/first", "steps": 900, "started_at": 1764460000.5, "seconds":
//  61.5, "config": {"lr": "0.1"}, "metrics": {"loss": {"points": 900, "last": {"step": 900,
//  "time": 1764460062.0, "value": 0.5}, "best": {…}, "lowest": {…}, "highest": {…},
//  "first_non_finite": null, "higher_is_better": false}}, "remarks": []}
//
// Example:
//   std::cout << runs::to_json(run).dump(2) << "\n";
//
// Not for the curves: those are for the page (page.h).
#pragma once

#include "formats/runs/run.h"
#include "nlohmann/json.hpp"

namespace accelerate::runs {

// Values that are not finite are texts: "nan", "inf", "-inf". A missing best value is null. Texts
// are as they were read, so dump() must replace what is not valid UTF-8.
nlohmann::ordered_json to_json(const Run& run);

}  // namespace accelerate::runs
