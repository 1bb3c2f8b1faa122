// What the examples of docs/gpus.md take as given.
//
// Part of the test of that document; not for others.
#pragma once

#include "accelerate/accelerate.h"
