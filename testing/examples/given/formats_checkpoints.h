// What examples of formats/checkpoints take as given.
#include "absl/status/status.h"

extern std::string folder;

int fail(const absl::Status& status);
