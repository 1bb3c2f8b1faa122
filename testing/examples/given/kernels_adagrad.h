// What examples of kernels/adagrad take as given.

using T = float;
extern float *p, *g, *s;
extern float *gradient, *parameter, *sum;
extern AdagradOptions options;
extern double loss_scale, gradient_factor;
extern int64_t step;
