// What examples of accelerate take as given: functions of the reader's own.
#include <torch/torch.h>

template <class... Values>
void use(const Values&... values);
