#include "accelerate/precision/gpu_options.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace accelerate {
namespace {

using at::CuBLASReductionOption;
using at::Float32Backend;
using at::Float32Op;
using at::Float32Precision;

// Of which kind LibTorch's arithmetic on a GPU is; equal where the settings are.
struct Settings {
  bool tf32_products = at::globalContext().allowTF32CuBLAS();
  bool tf32_convolutions = at::globalContext().allowTF32CuDNN();
  CuBLASReductionOption fp16 = at::globalContext().allowFP16ReductionCuBLAS();
  CuBLASReductionOption bf16 = at::globalContext().allowBF16ReductionCuBLAS();
  friend bool operator==(const Settings&, const Settings&) = default;
};

// Leaves the process as it was.
class GpuOptionsTest : public testing::Test {
 protected:
  ~GpuOptionsTest() override {
    at::Context& context = at::globalContext();
    context.setAllowTF32CuBLAS(before_.tf32_products);
    context.setAllowTF32CuDNN(before_.tf32_convolutions);
    apply_gpu_options({.allow_fp16_reduced_precision_reduction = allowed(before_.fp16),
                       .allow_bf16_reduced_precision_reduction = allowed(before_.bf16)});
  }

  static bool allowed(CuBLASReductionOption option) {
    return option == CuBLASReductionOption::AllowReducedPrecisionWithSplitK;
  }

  const Settings before_;
};

TEST_F(GpuOptionsTest, LeaveAloneWhatIsNotSet) {
  apply_gpu_options({});
  EXPECT_EQ(Settings(), before_);
  for (const bool allow : {true, false}) {
    apply_gpu_options({.allow_tf32 = allow,
                       .allow_fp16_reduced_precision_reduction = allow,
                       .allow_bf16_reduced_precision_reduction = allow});
    const Settings chosen;
    apply_gpu_options({});
    EXPECT_EQ(Settings(), chosen);
  }
}

TEST_F(GpuOptionsTest, SetTf32ForProductsAndConvolutions) {
  for (const bool allow : {true, false, true}) {
    apply_gpu_options({.allow_tf32 = allow});
    EXPECT_EQ(Settings(), (Settings{allow, allow, before_.fp16, before_.bf16}));
    // By LibTorch's newer names too: it refuses to tell a setting that these contradict.
    const auto precision = [](Float32Op op) {
      return at::globalContext().float32Precision(Float32Backend::CUDA, op);
    };
    EXPECT_EQ(precision(Float32Op::MATMUL) == Float32Precision::TF32, allow);
    EXPECT_EQ(precision(Float32Op::CONV) == Float32Precision::TF32, allow);
  }
}

TEST_F(GpuOptionsTest, SetTf32WhateverTheProgramSetByTheNewerNames) {
  at::globalContext().setFloat32Precision(Float32Backend::CUDA, Float32Op::MATMUL,
                                          Float32Precision::TF32);
  EXPECT_THROW(at::globalContext().allowTF32CuBLAS(), c10::Error);
  apply_gpu_options({.allow_tf32 = true});
  EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
}

TEST_F(GpuOptionsTest, SetTheReductionOfEachTypeByItself) {
  const auto without = CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK;
  const auto with = CuBLASReductionOption::AllowReducedPrecisionWithSplitK;
  apply_gpu_options({.allow_fp16_reduced_precision_reduction = false,
                     .allow_bf16_reduced_precision_reduction = true});
  EXPECT_EQ(at::globalContext().allowFP16ReductionCuBLAS(), without);
  EXPECT_EQ(at::globalContext().allowBF16ReductionCuBLAS(), with);
  apply_gpu_options({.allow_fp16_reduced_precision_reduction = true,
                     .allow_bf16_reduced_precision_reduction = false});
  EXPECT_EQ(at::globalContext().allowFP16ReductionCuBLAS(), with);
  EXPECT_EQ(at::globalContext().allowBF16ReductionCuBLAS(), without);
}

}  // namespace
}  // namespace accelerate
