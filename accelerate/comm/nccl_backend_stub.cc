#include <c10/util/Exception.h>

#include "accelerate/comm/backend.h"

namespace accelerate::internal {

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>&,
                                                    const BackendOptions&) {
  TORCH_CHECK(false, "NCCL is not in this build; build with --config=cuda");
}

}  // namespace accelerate::internal
