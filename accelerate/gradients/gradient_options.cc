#include "accelerate/gradients/gradient_options.h"

#include <c10/util/Exception.h>

namespace accelerate {

void check_gradient_options(const GradientOptions& options) {
  TORCH_CHECK(options.bucket_cap_mb > 0 && options.first_bucket_mb > 0,
              "gradients: bucket_cap_mb is ", options.bucket_cap_mb, " and first_bucket_mb ",
              options.first_bucket_mb, "; give positive numbers, typically 25 and 1");
}

}  // namespace accelerate
