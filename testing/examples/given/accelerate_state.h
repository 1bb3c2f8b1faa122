// What examples of accelerate/state take as given.
#include <torch/torch.h>

#include "accelerate/state/stateful.h"

extern accelerate::Communicator& communicator;
extern at::Device device;
extern accelerate::Stateful& part;
