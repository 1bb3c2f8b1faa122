// What examples of kernels/combine take as given.

extern const float *of_rank_0, *of_rank_1;
extern float* mean;
