// What examples of kernels/optimizer/rules take as given.

extern int64_t step;
