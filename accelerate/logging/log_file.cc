#include "accelerate/logging/log_file.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <system_error>

#include "accelerate/logging/log_output.h"
#include "accelerate/logging/own_place.h"

namespace accelerate {
namespace {

std::string with_rank(const std::filesystem::path& path) {
  std::filesystem::path name = path.stem();
  name += ".rank" + std::to_string(internal::own_place().rank);
  name += path.extension();
  return path.parent_path() / name;
}

}  // namespace

void set_log_file(const std::string& path, const LogFileOptions& options) {
  const std::string file = options.of_each_rank ? with_rank(path) : path;
  const int error = internal::write_log_to_file(file);
  TORCH_CHECK(error == 0, "the log file ", file,
              " cannot be opened: ", std::generic_category().message(error),
              "; name a file in a folder that is there and may be written to");
}

}  // namespace accelerate
