#include "accelerate/precision/autocast.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

namespace accelerate {

Autocast::Autocast(c10::DeviceType device, c10::ScalarType type)
    : device_(device),
      enabled_before_(at::autocast::is_autocast_enabled(device)),
      type_before_(at::autocast::get_autocast_dtype(device)) {
  at::autocast::set_autocast_dtype(device, type);
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  // The cache of cast weights must not outlive the outermost scope: the next step's weights are
  // others. Nor may casts that were made without a graph serve a forward pass with one.
  if (at::autocast::decrement_nesting() == 0 || !at::GradMode::is_enabled())
    at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, enabled_before_);
  at::autocast::set_autocast_dtype(device_, type_before_);
}

}  // namespace accelerate
