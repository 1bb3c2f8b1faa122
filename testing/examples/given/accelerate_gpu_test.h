// What examples of accelerate/gpu_test take as given.

using Strategies = testing::Types<Cpu>;
