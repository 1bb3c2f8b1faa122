// What examples of accelerate/tracking take as given.
#include "accelerate/core/accelerator.h"
#include "accelerate/main/main.h"

extern Accelerator<MultiCpu, Fp32> accelerator;
extern at::Tensor loss;
// ---- rank_means.h
extern Communicator& communicator;
extern at::Device device;
extern std::vector<std::string> names;
extern std::vector<RankMeans::Number> numbers;
// ---- trackers.h
extern Communicator& communicator;
extern ProcessInfo process;
