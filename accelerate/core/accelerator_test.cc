// Runs on one process and on four; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// ---- prepare()

TEST(Prepare, TakesAnySubsetInAnyOrderAndMoreThanOnce) {
  Full accelerator;
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  LambdaLR schedule(sgd, [](int64_t) { return 1.0; });
  auto [loader, scheduler, optimizer] =
      accelerator.prepare(DataLoader(Line(8, at::kFloat), {.batch_size = 2}), schedule, sgd);
  auto model = accelerator.prepare(net);
  EXPECT_EQ(model(torch::ones({1, 1})).numel(), 1);
  EXPECT_EQ(accelerator.unwrap_model(model).get(), net.get());
  EXPECT_EQ(&optimizer.unwrap(), &sgd);
  EXPECT_EQ(loader.size(), std::max(1, 4 / accelerator.num_processes()));
}

TEST(Prepare, TakesModulesHoweverTheyAreHeld) {
  struct Plain : torch::nn::Module {
    at::Tensor forward(const at::Tensor& x) { return x + 1; }
  };
  Full accelerator;
  Plain plain;
  auto shared = std::make_shared<Plain>();
  auto [by_reference, by_pointer] = accelerator.prepare(plain, shared);
  EXPECT_EQ(by_reference(torch::zeros({})).item<int>() + by_pointer(torch::zeros({})).item<int>(),
            2);
  EXPECT_EQ(&*by_reference, &plain);
}

TEST(Prepare, RefusesTheSameObjectTwice) {
  Full accelerator;
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  LambdaLR schedule(sgd, [](int64_t) { return 1.0; });
  DataLoader data(Line(8, at::kFloat), {});
  auto handles = accelerator.prepare(net, sgd, schedule, data);
  EXPECT_THAT(message_of([&] { (void)accelerator.prepare(net); }), HasSubstr("prepared before"));
  EXPECT_THAT(message_of([&] { (void)accelerator.prepare(sgd); }), HasSubstr("prepared before"));
  EXPECT_THAT(message_of([&] { (void)accelerator.prepare(schedule); }),
              HasSubstr("prepared before"));
  EXPECT_THAT(message_of([&] { (void)accelerator.prepare(data); }), HasSubstr("prepared before"));
}

TEST(Prepare, TakesAnyNumberOfLoadersThatWereMadeInPlace) {
  // None may be taken for an earlier one that is gone, wherever the allocator puts it.
  Full accelerator;
  std::vector<DataLoader<Line>> loaders;
  for (int i = 0; i < 50; ++i) {
    loaders.push_back(accelerator.prepare(DataLoader(Line(8, at::kFloat), {})));
  }
}

TEST(Prepare, NamesWhereTheRanksHaveDifferentModels) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  const int width = accelerator.process_index() == 2 ? 5 : 4;
  auto net = torch::nn::Sequential(torch::nn::Linear(4, 4), torch::nn::Linear(4, width));
  const std::string message = message_of([&] { (void)accelerator.prepare(net); });
  EXPECT_THAT(message,
              HasSubstr("rank 0 has parameter `1.weight` Float [4, 4], rank 2 has parameter "
                        "`1.weight` Float [5, 4]"));
}

// ---- Communication and processes

TEST(GatherForMetrics, CountsEachSampleOnce) {
  for (const bool split : {false, true}) {
    for (const bool shuffle : {false, true}) {
      Full accelerator({.split_batches = split});
      const int64_t size = 99;
      auto loader = accelerator.prepare(DataLoader(
          Line(size, at::kDouble), {.batch_size = 16, .shuffle = shuffle, .num_workers = 2}));
      std::vector<at::Tensor> seen;
      for (auto& batch : loader) {
        auto [x, y] = accelerator.gather_for_metrics(std::tuple(batch.data, batch.target));
        EXPECT_TRUE(torch::allclose(y, 2 * x + 3));
        seen.push_back(x);
      }
      const at::Tensor all = std::get<0>(torch::cat(seen).flatten().sort());
      EXPECT_EQ(all.numel(), size);
      EXPECT_TRUE(torch::allclose(all, torch::linspace(-1, 1, size, at::kDouble)));
    }
  }
}

TEST(Communication, WorksOnNestedValues) {
  Full accelerator;
  const int rank = accelerator.process_index(), size = accelerator.num_processes();
  auto [sum, sums] = accelerator.reduce(
      std::tuple(torch::full({1}, rank), std::vector<at::Tensor>(2, torch::full({1}, rank))));
  EXPECT_EQ(sum.item<int>(), size * (size - 1) / 2);
  EXPECT_EQ(sums.at(1).item<int>(), size * (size - 1) / 2);
  EXPECT_EQ(accelerator.broadcast(torch::full({1}, rank), size - 1).item<int>(), size - 1);
  EXPECT_EQ(accelerator.gather(torch::full({}, rank)).numel(), size);
  EXPECT_EQ(accelerator.pad_across_processes(torch::ones({rank + 1})).numel(), size);
}

TEST(Processes, LetTheMainProcessGoFirst) {
  Full accelerator;
  // What the main process wrote, the others find.
  const std::string file = testing::TempDir() + "first_of_" + std::to_string(getppid());
  const bool found = accelerator.main_process_first([&] {
    const bool exists = std::ifstream(file).good();
    if (accelerator.is_main_process()) std::ofstream(file) << "here";
    return exists;
  });
  EXPECT_EQ(found, !accelerator.is_main_process());
  accelerator.wait_for_everyone();
  if (accelerator.is_main_process()) std::remove(file.c_str());
}

TEST(Processes, AreNumbered) {
  Full accelerator;
  EXPECT_EQ(accelerator.process_index(), accelerator.local_process_index());
  EXPECT_EQ(accelerator.is_main_process(), accelerator.process_index() == 0);
  EXPECT_EQ(accelerator.is_local_main_process(), accelerator.process_index() == 0);
  EXPECT_TRUE(accelerator.device().is_cpu());
  testing::internal::CaptureStdout();
  accelerator.print("loss ", 1.5);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            accelerator.is_local_main_process() ? "loss 1.5\n" : "");
}

TEST(Processes, TakeTheGpuOptionsOfTheLastAcceleratorThatHasSome) {
  const auto allowed = [] {
    return at::globalContext().allowFP16ReductionCuBLAS() ==
           at::CuBLASReductionOption::AllowReducedPrecisionWithSplitK;
  };
  for (const bool allow : {false, true}) {
    Full({.gpu = {.allow_fp16_reduced_precision_reduction = allow}});
    EXPECT_EQ(allowed(), allow);
    Full();
    EXPECT_EQ(allowed(), allow);
  }
}

TEST(Processes, AreRefusedToAStrategyForOne) {
  Full accelerator;
  using Single = Accelerator<Cpu, Fp32>;
  if (accelerator.num_processes() == 1) {
    EXPECT_EQ(Single().num_processes(), 1);
  } else {
    EXPECT_THAT(message_of([] { Single single; }), HasSubstr("use multi_cpu"));
  }
}

}  // namespace
}  // namespace accelerate
