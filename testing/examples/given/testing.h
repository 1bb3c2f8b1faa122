// What examples of testing take as given.
#include <torch/torch.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

extern torch::optim::SGD optimizer;
using testing::HasSubstr;
