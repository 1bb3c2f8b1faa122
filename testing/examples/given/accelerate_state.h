// What examples of accelerate/state take as given.
#include <torch/torch.h>

#include "accelerate/state/stateful.h"

extern accelerate::Communicator& communicator;
extern at::Device device;
extern accelerate::Stateful& part;
// ---- bytes.h
extern accelerate::State state;
extern std::string archive;
// ---- name_list.h
extern accelerate::State state;
void use(const std::string& name);
