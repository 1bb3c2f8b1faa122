// What examples of kernels/types take as given.

extern void* data;
