// Turns a training function into a program that launches itself.
//
//   template <class Accelerator>
//   void train(Accelerator& accelerator) {
//     accelerator.print("trained on ", accelerator.num_processes(), " processes");
//   }
//   ACCELERATE_MAIN(train)
//
//   $ my_model --num_processes=2 --mixed_precision=bf16 --epochs=3
//
// Launch flags (--help lists them), the environment and a config file, in this order of precedence,
// determine how many processes run train(), on which devices and in which precision. The process
// forks them itself. If RANK and WORLD_SIZE are set, it is a worker of another launcher: torchrun,
// mpirun or `accelerate launch`. Unrecognised arguments are passed to your program, and so are
// launch flags whose name your program defines itself. They are parsed as abseil flags before
// train() runs; or, if train() takes a second parameter, it receives them unparsed:
//
//   template <class Accelerator>
//   void train(Accelerator& accelerator, const std::vector<std::string>& arguments);
//
// Options of the Accelerator follow the function: see accelerator_options.h.
//
// An exception that leaves train() ends the run with its message and exit code 1. Relative paths in
// the arguments are relative to the shell's folder, also under `bazel run`. Not for a program that
// must keep its own main(): construct an Accelerator there, and start the program with a launcher.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/main/policies.h"
#include "accelerate/main/program.h"

namespace accelerate::internal {

// Launches the processes, runs the training as a worker, or prints help or an error. Returns the
// exit code of the process.
int run_program(int argc, char** argv, const Program& program);

template <class Train>
Program make_program(Train train, const AcceleratorOptions& options) {
  Program program;
  BuiltStrategies::for_each([&]<class S>() {
    BuiltPrecisions::for_each([&]<class P>() {
      using A = Accelerator<S, P>;
      constexpr bool takes_arguments =
          std::is_invocable_v<Train, A&, const std::vector<std::string>&>;
      program.takes_arguments = takes_arguments;
      program.variants.push_back(
          {S::traits, P::traits, [train, options](const std::vector<std::string>& arguments) {
             A accelerator(options);
             if constexpr (takes_arguments) {
               train(accelerator, arguments);
             } else {
               train(accelerator);
             }
             accelerator.wait_for_checkpoint();
             accelerator.end_training();
           }});
    });
  });
  return program;
}

}  // namespace accelerate::internal

// The lambda has no name, so it cannot hide a name of the program.
#define ACCELERATE_MAIN(train_function, ...)                                                      \
  int main(int argc, char** argv) {                                                               \
    const ::accelerate::AcceleratorOptions accelerator_options __VA_OPT__(= __VA_ARGS__);         \
    return ::accelerate::internal::run_program(                                                   \
        argc, argv,                                                                               \
        ::accelerate::internal::make_program(                                                     \
            [](auto& accelerator,                                                                 \
               const auto&... arguments) -> decltype(train_function(accelerator, arguments...)) { \
              return train_function(accelerator, arguments...);                                   \
            },                                                                                    \
            accelerator_options));                                                                \
  }
