// What examples of kernels/rmsprop take as given.

using T = float;
extern float *p, *g, *s, *b;
extern float *gradient, *parameter, *square_avg, *momentum_buffer, *grad_avg;
extern RmsPropOptions options;
extern double loss_scale, gradient_factor;
