#include "accelerate/accelerate.h"

template <class Accelerator>
void train(Accelerator&) {}

ACCELERATE_MAIN(train)
