// What the project needs to know of CUDA outside its kernels. A build without --config=cuda has the
// same functions, which say that there is none; callers carry no #ifdef.
#pragma once

namespace accelerate::cuda {

// Whether the GPU strategies are in this build.
bool in_build();

// GPUs that this process can use; 0 without a driver. Initialises CUDA: never call it before a
// fork.
int device_count();

// Makes a GPU the current one of this thread. Throws c10::Error where there is none.
void set_device(int index);

}  // namespace accelerate::cuda
