// What examples of testing/cuda_library take as given.

extern float* values;
