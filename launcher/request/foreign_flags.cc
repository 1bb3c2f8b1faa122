#include "launcher/request/foreign_flags.h"

#include <algorithm>
#include <iterator>

namespace accelerate::launcher {
namespace {

struct ForeignFlag {
  const char* name;
  const char* hint;
};

constexpr ForeignFlag kForeignFlags[] = {
    {"bf16", "write --mixed_precision=bf16"},
    {"config", "write --config_file=FILE"},
    {"fp16", "write --mixed_precision=fp16"},
    {"master_addr", "write --main_process_ip=ADDRESS"},
    {"master_port", "write --main_process_port=PORT"},
    {"nnodes", "write --num_machines=N"},
    {"node_rank", "write --machine_rank=N"},
    {"nproc", "write --num_processes=N"},
    {"num_gpus", "write --num_processes=N, one for each GPU"},
    {"num_procs", "write --num_processes=N"},
    {"rdzv_endpoint", "write --main_process_ip=ADDRESS --main_process_port=PORT"},
    {"standalone", "leave it out; one machine needs no flag"},
    {"use_cpu", "write --cpu"},
};

}  // namespace

std::optional<std::string> foreign_flag_hint(const std::string& name) {
  const auto found = std::find_if(std::begin(kForeignFlags), std::end(kForeignFlags),
                                  [&name](const ForeignFlag& flag) { return name == flag.name; });
  if (found == std::end(kForeignFlags)) return std::nullopt;
  return found->hint;
}

}  // namespace accelerate::launcher
