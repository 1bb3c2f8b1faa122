// What examples of accelerate/comm take as given.
#include <unistd.h>

extern std::chrono::milliseconds timeout;
extern Communicator& communicator;
// ---- backend.h
extern c10::intrusive_ptr<c10d::Store> store;
// ---- communicator.h
extern launcher::WorkerEnvironment worker;
extern ProcessInfo info;
extern at::Tensor gradient;
// ---- host_values.h
extern double loss;
extern std::vector<int64_t> counts;
// ---- hosts_backend.h
extern Meeting meeting;
extern c10::intrusive_ptr<c10d::Backend> gloo_of_leaders;
extern int rank, size;
// ---- operations.h
extern at::Tensor predictions, loss;
// ---- roll_call.h
using std::chrono::minutes;
extern launcher::WorkerEnvironment worker;
extern c10::intrusive_ptr<c10d::Store> store;
void leave(const std::string& reason);
// ---- shared_memory_backend.h
extern Meeting meeting;
// ---- tensor_collective.h
extern at::Tensor tensor;
extern Lane lane;
// ---- tensor_broadcast.h
extern torch::nn::Linear net;
