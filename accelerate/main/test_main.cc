// main() of an accelerate_test: each of the launched processes runs every test.
#include <gtest/gtest.h>

#include <stdexcept>

#include "accelerate/main/main.h"

namespace {

template <class Accelerator>
void run_all_tests(Accelerator& accelerator, const std::vector<std::string>& arguments) {
  // One report a test, not one a rank on top of each other. The flag, because googletest has read
  // the environment by now.
  if (!accelerator.is_main_process()) testing::GTEST_FLAG(output) = "";
  std::string name = "test";
  std::vector<char*> argv{name.data()};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  testing::InitGoogleTest(&argc, argv.data());
  if (RUN_ALL_TESTS() != 0) throw std::runtime_error("a test failed on this rank");
}

}  // namespace

ACCELERATE_MAIN(run_all_tests)
