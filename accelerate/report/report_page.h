// A report as a page for a browser. Part of the report; not for others.
#pragma once

#include <string>

#include "accelerate/report/run_report.h"

namespace accelerate::internal {

std::string page_of(const RunReport& report);

}  // namespace accelerate::internal
