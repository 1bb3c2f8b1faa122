#include <exception>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "accelerate/comm/backend.h"
#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {
namespace {

// At its end c10d's own would abort what other ranks still wait for.
class NcclBackend final : public c10d::ProcessGroupNCCL {
 public:
  using ProcessGroupNCCL::ProcessGroupNCCL;
  ~NcclBackend() override {
    // Of a run that fails, other ranks may never come to the end.
    if (std::uncaught_exceptions() > 0) return;
    try {
      shutdown();
    } catch (const std::exception&) {
      // There is nothing left to do for a communicator that has failed.
    }
  }
};

}  // namespace

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options) {
  auto nccl = c10d::ProcessGroupNCCL::Options::create();
  nccl->timeout = options.timeout;
  return c10::make_intrusive<NcclBackend>(store, options.rank, options.size, nccl);
}

}  // namespace accelerate::internal
