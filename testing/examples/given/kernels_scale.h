// What examples of kernels/scale take as given.

extern BFloat16* gradients;
// ---- scale_element.h
extern double factor;
extern const float* source;
extern BFloat16* destination;
