#include "launcher/cli/host_facts.h"

#include <gnu/libc-version.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "launcher/plan/cgroup_limits.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/plan/machine.h"

namespace accelerate::launcher {
namespace {

constexpr char kUnknown[] = "unknown";

std::string or_unknown(const std::string& text) { return text.empty() ? kUnknown : text; }

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As Python's platform.platform() has it.
std::string platform() {
  utsname names = {};
  if (uname(&names) != 0) return kUnknown;
  return absl::StrCat(names.sysname, "-", names.release, "-", names.machine, "-with-glibc",
                      gnu_get_libc_version());
}

std::string location() {
  std::error_code error;
  return or_unknown(std::filesystem::read_symlink("/proc/self/exe", error).string());
}

std::string compiler() {
#if defined(__clang__)
  const std::string name = "Clang " __clang_version__;
#else
  const std::string name = "GCC " __VERSION__;
#endif
  return absl::StrCat(name, ", C++ ", __cplusplus,
                      ", _GLIBCXX_USE_CXX11_ABI=", _GLIBCXX_USE_CXX11_ABI);
}

std::string cpu(const CgroupLimits& limits) {
  return absl::StrCat(or_unknown(value_of("model name", read_text("/proc/cpuinfo"))), ", ",
                      sysconf(_SC_NPROCESSORS_ONLN),
                      " logical CPUs, of which this process may use ", current_cpu_set().size(),
                      limits.cpus.has_value()
                          ? absl::StrCat(", and its control group the time of ", *limits.cpus)
                          : "");
}

std::string gigabytes(double bytes) {
  return absl::StrFormat("%.2f GB", bytes / (1024.0 * 1024 * 1024));
}

std::string memory(const CgroupLimits& limits) {
  struct sysinfo information = {};
  if (sysinfo(&information) != 0) return kUnknown;
  const double bytes = static_cast<double>(information.totalram) * information.mem_unit;
  const double allowed = static_cast<double>(limits.memory_bytes.value_or(0));
  const bool is_limited = limits.memory_bytes.has_value() && allowed < bytes;
  return absl::StrCat(gigabytes(bytes),
                      is_limited ? absl::StrCat(", of which the control group of this process may "
                                                "use ",
                                                gigabytes(allowed))
                                 : "");
}

// What the driver calls its GPUs; NVML is asked for their number alone.
std::vector<std::string> gpu_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator gpu("/proc/driver/nvidia/gpus", error), end;
       !error && gpu != end; gpu.increment(error)) {
    names.push_back(or_unknown(value_of("Model", read_text(gpu->path() / "information"))));
  }
  return names;
}

std::string gpus(const Machine& machine) {
  const std::size_t count = list_gpu_uuids().size();
  if (count == 0) return "none found";
  const std::string driver =
      std::string(absl::StripAsciiWhitespace(read_text("/sys/module/nvidia/version")));
  return absl::StrCat(count, " (", or_unknown(absl::StrJoin(gpu_names(), ", ")), "), driver ",
                      or_unknown(driver), ", of which CUDA shows ", machine.num_gpus);
}

}  // namespace

std::string value_of(const std::string& key, const std::string& text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, key)) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, ":") && !absl::ConsumePrefix(&line, "=")) continue;
    line = absl::StripAsciiWhitespace(line);
    if (absl::ConsumePrefix(&line, "\"")) absl::ConsumeSuffix(&line, "\"");
    return std::string(line);
  }
  return "";
}

std::vector<Fact> host_facts() {
  const Machine machine = read_machine();
  const CgroupLimits limits = read_cgroup_limits();
  return {
      {"Platform", platform()},
      {"Operating system", or_unknown(value_of("PRETTY_NAME", read_text("/etc/os-release")))},
      {"`accelerate` bash location", location()},
      {"Built with", compiler()},
      {"CPU", cpu(limits)},
      {"System RAM", memory(limits)},
      {"GPUs", gpus(machine)},
  };
}

}  // namespace accelerate::launcher
