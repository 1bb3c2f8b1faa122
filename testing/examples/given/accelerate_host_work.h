// What examples of accelerate/host_work take as given.
#include <torch/torch.h>

struct Model {
  int depth = 0;
};
struct Scope {
  explicit Scope(Model* model);
  ~Scope();
  Model* model_;
};
extern std::vector<at::Tensor> gradients;
extern int64_t steps;
