// The version of Accelerate for C++; the only place that has it.
//
// Example:
//   std::cout << "accelerate " << accelerate::kVersion << "\n";
//
// Not the version of Hugging Face Accelerate, whose behaviour this library follows.
#pragma once

namespace accelerate {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace accelerate
