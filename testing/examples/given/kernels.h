// What examples of kernels take as given: arrays, and what is known of them.
#include <algorithm>

#include "kernels/types/element_type.h"

extern int64_t n, count, offset, i;
extern int world_size;
extern double factor;
extern accelerate::kernels::ElementType type;
template <class T>
void scale_elements(T* data, int64_t count, double factor);
