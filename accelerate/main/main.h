// Makes a training function into a program that launches itself.
//
//   template <class Accelerator>
//   void train(Accelerator& accelerator) {
//     accelerator.print("trained on ", accelerator.num_processes(), " processes");
//   }
//   ACCELERATE_MAIN(train)
//
//   $ my_model --num_processes=2 --mixed_precision=bf16 --epochs=3
//
// Launch flags (--help lists them), the environment and a config file decide, in this order, how
// many processes run train(), on which devices and in which precision; the process forks them
// itself. With RANK and WORLD_SIZE in the environment it is a worker of whoever set them: torchrun,
// mpirun, `accelerate launch`. All other arguments are the program's, and so are launch flags whose
// name the program has given to one of its own: abseil flags, parsed before train() runs, or, when
// train() takes a second parameter, what it likes to make of them:
//
//   template <class Accelerator>
//   void train(Accelerator& accelerator, const std::vector<std::string>& arguments);
//
// Options of the Accelerator follow the function: see accelerator_options.h.
//
// An exception that leaves train() ends the run with its message and exit code 1. Relative paths in
// the arguments mean what they mean in the shell, also under `bazel run`. Not for a program that
// must keep its own main(): that one constructs an Accelerator and is started by a launcher.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/main/policies.h"
#include "accelerate/main/program.h"

namespace accelerate::internal {

// Launches, works or explains, and returns the exit code of the process.
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

// The lambda has no name, so that it hides none of the program's.
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
