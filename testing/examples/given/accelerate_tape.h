// What examples of accelerate/tape take as given.
#include <torch/torch.h>

extern std::vector<at::Tensor> inputs, other_inputs;
extern std::function<void()> step;
void give_up(const std::string& why = "");
// ---- generator_watch.h
extern KnownGenerators known;
extern at::Generator generator;
// ---- memory_plan.h
char* allocate(int64_t bytes);
// ---- memory_watch.h
extern Recording recording;
extern std::vector<at::Tensor> parameters;
void record_anew(const std::string& change);
// ---- recording.h
extern torch::data::Example<> batch;
extern std::optional<Tape> tape;
// ---- value_watch.h
extern at::Tensor tensor;
// ---- tensor_place.h
extern at::Tensor parameter, gradient;
void record_anew();
