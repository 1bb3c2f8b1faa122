// What examples of accelerate/comm/testing take as given.
#include "gtest/gtest.h"

// ---- forked_ranks.h
BackendOptions options_of(int rank);
// ---- joined_backend.h
extern Store store;
extern int rank;
extern at::Tensor tensor;
