// A program that reads its arguments itself.
#include "accelerate/accelerate.h"

template <class Accelerator>
void train(Accelerator& accelerator, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) accelerator.print("argument ", argument);
}

ACCELERATE_MAIN(train)
