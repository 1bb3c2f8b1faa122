// What examples of accelerate/logging take as given.
#include "accelerate/core/accelerator.h"

extern Accelerator<MultiCpu, Fp32> accelerator;
// ---- level.h
void refuse(const std::string& message);
// ---- logger.h
extern int epoch, empty, files;
extern double loss;
extern const Logger log;
extern int samples;
// ---- own_place.h
void write_line();
