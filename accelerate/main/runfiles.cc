#include "accelerate/main/runfiles.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <memory>

#include "tools/cpp/runfiles/runfiles.h"

namespace accelerate {

std::string data_file(const std::string& name) {
  using bazel::tools::cpp::runfiles::Runfiles;
  std::string error;
  // Not argv[0]: the program may have left the folder that it is relative to.
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(program, &error));
  const std::string path = runfiles ? runfiles->Rlocation(name) : std::string();
  TORCH_CHECK(
      !path.empty() && std::filesystem::exists(path), "the data file ", name, " was not found in ",
      program, ".runfiles",
      "; keep that folder beside the program, and list the file under `data` in its BUILD rule");
  return path;
}

}  // namespace accelerate
