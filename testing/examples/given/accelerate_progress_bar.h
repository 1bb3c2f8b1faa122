// What examples of accelerate/progress_bar take as given.
#include <cstdint>
#include <vector>

struct Batch {};
extern std::vector<Batch> loader;
void evaluate(const Batch& batch);
double train(const Batch& batch);
int64_t read_tokens();
