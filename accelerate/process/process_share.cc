#include "accelerate/process/process_share.h"

#include <algorithm>

namespace accelerate {

ProcessShare share_of_process(int64_t n, const ProcessShareOptions& options) {
  const int64_t each = n / options.world_size, extra = n % options.world_size;
  ProcessShare share;
  share.begin = options.rank * each + std::min<int64_t>(options.rank, extra);
  share.size = each + (options.rank < extra ? 1 : 0);
  if (options.apply_padding) share.padding = each + (extra > 0 ? 1 : 0) - share.size;
  return share;
}

}  // namespace accelerate
