// How runs are saved and go on, on any number of processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/core/checkpoint_test_helpers.h"
#include "accelerate/data/tensor_dataset.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Accelerator>
class CheckpointIn : public testing::Test {};
using Precisions = testing::Types<Full, Half, BFloat>;
TYPED_TEST_SUITE(CheckpointIn, Precisions);

TYPED_TEST(CheckpointIn, GoesOnBitForBitInTheMiddleOfAnEpochTwice) {
  WholeRun<TypeParam> whole(1);
  whole.train(21);
  const std::string folder = new_folder(whole.accelerator);
  for (const bool asynchronous : {false, true}) {
    const CheckpointOptions options = {.folder = folder, .keep = 2, .asynchronous = asynchronous};
    std::vector<double> losses;
    {
      WholeRun<TypeParam> first(1, options);
      first.train(2, /*saves=*/true);
      first.accelerator.wait_for_checkpoint();
      losses = first.losses;
    }
    {
      WholeRun<TypeParam> second(2, options);
      EXPECT_TRUE(second.accelerator.resume());
      second.train(4, /*saves=*/true);
      second.accelerator.wait_for_checkpoint();
      losses.insert(losses.end(), second.losses.begin(), second.losses.end());
    }
    WholeRun<TypeParam> third(3, options);
    EXPECT_TRUE(third.accelerator.resume());
    third.train(21);
    losses.insert(losses.end(), third.losses.begin(), third.losses.end());
    EXPECT_EQ(losses, whole.losses);
    expect_same(third, whole);
  }
}

// BEHAVIOUR: eleven saves with a limit of two leave the last two.
TEST(Checkpoint, KeepsTheNewest) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.set_checkpoints({.folder = folder, .keep = 2});
  EXPECT_FALSE(run.accelerator.resume());
  run.train(1);
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(run.accelerator.save_state(), folder + "/checkpoint_" + std::to_string(i));
  }
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(files_in(folder), ElementsAre("checkpoint_10", "checkpoint_9"));
  EXPECT_THAT(
      files_in(folder + "/checkpoint_9"),
      ElementsAre("commit.json", "model.safetensors", "optimizer.safetensors", "state.json"));
}

TEST(Checkpoint, IsACopyOfTheMoment) {
  WholeRun<Full> run(1);
  run.train(1);
  const at::Tensor before = run.net->parameters()[0].detach().clone();
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.set_checkpoints({.asynchronous = true});
  run.accelerator.save_state(path);
  run.train(5);
  run.accelerator.load_state(path);
  EXPECT_TRUE(torch::equal(run.net->parameters()[0], before));
  EXPECT_EQ(run.accelerator.progress().step, 1);
}

TEST(Checkpoint, TakesThePlaceOfOneAndOfNothingElse) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.save_state(folder + "/mine");
  run.train(2);
  run.accelerator.save_state(folder + "/mine");
  EXPECT_EQ(checkpoints::find_checkpoint(folder + "/mine")->commit->step, 2);
  if (run.accelerator.is_main_process()) {
    fs::create_directory(folder + "/thesis");
    std::ofstream(folder + "/thesis/chapter") << "text";
  }
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/thesis"); }),
              HasSubstr("thesis exists and is not a checkpoint"));
  EXPECT_EQ(content_of(folder + "/thesis/chapter"), "text");
  EXPECT_THAT(files_in(folder), ElementsAre("mine", "thesis"));
}

TEST(Checkpoint, IsOneForAllRanks) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  const int rank = run.accelerator.process_index();
  const auto save = [&] { run.accelerator.save_state(folder + "/" + std::to_string(rank)); };
  if (run.accelerator.num_processes() == 1) return save();
  EXPECT_THAT(message_of(save), HasSubstr("all ranks must save to one path"));
  EXPECT_THAT(files_in(folder), ElementsAre());
}

TEST(Checkpoint, PassesOverWhatIsDamaged) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.set_checkpoints({.folder = folder});
  for (int step = 1; step <= 4; ++step) {
    run.train(step);
    run.accelerator.save_state();
  }
  if (run.accelerator.is_main_process()) {
    const std::string newest = folder + "/checkpoint_3/optimizer.safetensors";
    flip_byte(newest, static_cast<int64_t>(fs::file_size(newest)) - 1);
    fs::resize_file(folder + "/checkpoint_2/model.safetensors", 100);
    fs::remove(folder + "/checkpoint_1/commit.json");
  }
  run.accelerator.wait_for_everyone();
  WholeRun<Full> other(2, {.folder = folder});
  Warnings warnings;
  EXPECT_TRUE(other.accelerator.resume());
  EXPECT_EQ(other.accelerator.progress().step, 1);
  if (other.accelerator.is_main_process()) {
    ASSERT_EQ(warnings.all.size(), 1u);
    EXPECT_THAT(warnings.all[0], HasSubstr("checkpoint_0 is the newest that is"));
    EXPECT_THAT(warnings.all[0], HasSubstr("checkpoint_3/optimizer.safetensors"));
    EXPECT_THAT(warnings.all[0], HasSubstr("checkpoint_2/model.safetensors"));
  }
  EXPECT_THAT(message_of([&] { other.accelerator.load_state(folder + "/checkpoint_3"); }),
              HasSubstr("optimizer.safetensors"));
  // The next one does not take the name of one that is there.
  EXPECT_EQ(other.accelerator.save_state(), folder + "/checkpoint_4");
}

// Whoever begins anew beside them removes them in the end.
TEST(Checkpoint, DoesNotBeginAnewBesideWhatItCannotRead) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.set_checkpoints({.folder = folder});
  const bool is_main = run.accelerator.is_main_process();
  run.accelerator.save_state();
  const std::string path = folder + "/checkpoint_0", commit = path + "/commit.json";
  const std::string model = path + "/model.safetensors", kept = folder + "/kept";
  if (is_main) fs::copy(path, kept);
  using Damage = std::pair<std::string, std::function<void()>>;
  for (const auto& [reason, damage] : std::vector<Damage>{
           {"its own checksum does not match", [&] { flip_byte(commit, 100); }},
           {"its own checksum does not match", [&] { fs::resize_file(commit, 0); }},
           {"model.safetensors has 100 bytes", [&] { fs::resize_file(model, 100); }},
           {"model.safetensors is missing", [&] { fs::remove(model); }},
           // What cannot be read, by root either.
           {"Too many levels of symbolic links", [&] {
              fs::remove(commit);
              fs::create_symlink("commit.json", commit);
            }}}) {
    if (is_main) damage();
    run.accelerator.wait_for_everyone();
    const std::string message = message_of([&] { run.accelerator.resume(); });
    EXPECT_THAT(message, HasSubstr("there are checkpoints in " + folder));
    EXPECT_THAT(message, HasSubstr(path + ": "));
    EXPECT_THAT(message, HasSubstr(reason));
    EXPECT_THAT(message, HasSubstr("move them elsewhere to start over"));
    run.accelerator.wait_for_everyone();
    if (is_main) {
      fs::remove_all(path);
      fs::copy(kept, path);
    }
    run.accelerator.wait_for_everyone();
  }
  EXPECT_TRUE(run.accelerator.resume());
}

TEST(Checkpoint, BeginsAnewBesideWhatWasNeverWhole) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  run.accelerator.set_checkpoints({.folder = folder});
  run.accelerator.save_state();
  if (run.accelerator.is_main_process()) fs::remove(folder + "/checkpoint_0/commit.json");
  run.accelerator.wait_for_everyone();
  Warnings warnings;
  EXPECT_FALSE(run.accelerator.resume());
  if (run.accelerator.is_main_process()) {
    ASSERT_EQ(warnings.all.size(), 1u);
    EXPECT_THAT(warnings.all[0], HasSubstr("there is no whole checkpoint to resume from"));
  }
}

TEST(Checkpoint, SaysAtOnceThatItsFolderCannotBeMade) {
  WholeRun<Full> run(1);
  for (const std::string folder : {"/dev/null", "/proc/none", "/dev/null/run"}) {
    run.accelerator.set_checkpoints({.folder = folder});
    EXPECT_THAT(message_of([&] { run.accelerator.resume(); }),
                HasSubstr("the folder for checkpoints, " + folder + ", cannot be created: "));
  }
}

TEST(Checkpoint, CallsHooksBefore) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  const bool is_main = run.accelerator.is_main_process();
  std::string loaded;
  const int hook = run.accelerator.register_save_state_pre_hook([&](const std::string& folder) {
    // It may leave files there, and change what is saved.
    if (is_main) std::ofstream(folder + "/note") << "text";
    run.accelerator.progress().step = 7;
  });
  run.accelerator.register_load_state_pre_hook([&](const std::string& folder) { loaded = folder; });
  run.accelerator.save_state(path);
  run.accelerator.progress().step = 0;
  run.accelerator.load_state(path);
  EXPECT_EQ(loaded, path);
  EXPECT_EQ(content_of(path + "/note"), "text");
  EXPECT_EQ(run.accelerator.progress().step, 7);
  run.accelerator.remove_checkpoint_hook(hook);
  run.accelerator.progress().step = 1;
  run.accelerator.save_state(path);
  EXPECT_EQ(checkpoints::find_checkpoint(path)->commit->step, 1);
}

TEST(Checkpoint, ThrowsOnAllRanksWhatAHookThrowsOnOne) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  const int last = run.accelerator.num_processes() - 1;
  const int hook = run.accelerator.register_save_state_pre_hook([&](const std::string&) {
    if (run.accelerator.process_index() == last) throw std::runtime_error("no note");
  });
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/one"); }),
              HasSubstr("no note"));
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(files_in(folder), ElementsAre());
  run.accelerator.remove_checkpoint_hook(hook);
  run.accelerator.save_state(folder + "/one");
}

TEST(Checkpoint, GoesOnWithinAPassThatLeftOutItsFirstBatches) {
  std::string path;
  std::vector<float> rest;
  const auto rows = TensorDataset(torch::arange(24, at::kFloat), torch::zeros({24}));
  for (const bool resumes : {false, true}) {
    Full accelerator;
    auto loader =
        accelerator.skip_first_batches(accelerator.prepare(DataLoader(rows, {.batch_size = 1})), 3);
    if (path.empty()) path = new_folder(accelerator) + "/one";
    if (resumes) accelerator.load_state(path);
    std::vector<float> seen;
    for (auto& batch : loader) {
      seen.push_back(batch.data.template item<float>());
      if (!resumes && seen.size() == 2) accelerator.save_state(path);
    }
    if (!resumes) rest.assign(seen.begin() + 2, seen.end());
    if (resumes) {
      EXPECT_EQ(seen, rest);
    }
  }
}

TEST(Checkpoint, WarnsWhereTheEpochWouldCountTwice) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  for (auto& batch : run.loader) (void)batch;
  Warnings warnings;
  run.accelerator.save_state(path);
  EXPECT_EQ(warnings.all.size(), run.accelerator.is_main_process() ? 1u : 0u);
  run.accelerator.progress().next_epoch();
  run.accelerator.save_state(path);
  EXPECT_EQ(warnings.all.size(), run.accelerator.is_main_process() ? 1u : 0u);
}

TEST(Checkpoint, IsNotLoadedWithinAPass) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);
  for (auto& batch : run.loader) {
    (void)batch;
    EXPECT_THAT(message_of([&] { run.accelerator.load_state(path); }),
                HasSubstr("leave the loop before"));
    break;
  }
  run.accelerator.load_state(path);
}

TEST(Checkpoint, LeavesNoGradientsOfTheRunBefore) {
  WholeRun<Full> run(1);
  const std::string path = new_folder(run.accelerator) + "/one";
  run.accelerator.save_state(path);
  {
    auto window = run.accelerator.accumulate(run.model);
    run.accelerator.backward(run.model(torch::full({4, 1}, std::nan(""))).sum());
  }
  run.accelerator.load_state(path);
  EXPECT_FALSE(run.net->parameters()[0].grad().defined());
}

TEST(Checkpoint, IsRefusedBetweenBackwardAndStep) {
  Full accelerator;
  torch::nn::Sequential net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const std::string folder = new_folder(accelerator);
  accelerator.backward(model(torch::ones({2, 1})).sum());
  EXPECT_THAT(message_of([&] { accelerator.save_state(folder + "/one"); }),
              HasSubstr("wait for the optimizer's step"));
  optimizer.step();
  accelerator.save_state(folder + "/one");
}

TEST(Checkpoint, IsRefusedWhereTheStateIsInTheAir) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  {
    auto window = run.accelerator.accumulate(run.model);
    run.accelerator.backward(run.model(torch::ones({4, 1})).sum());
    EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/one"); }),
                HasSubstr("1 of 3 batches wait for the rest of their window"));
  }
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(); }), HasSubstr("has no folder"));
  EXPECT_THAT(files_in(folder), ElementsAre());
}

TEST(Checkpoint, LeavesAStepThatSavesUncaptured) {
  Full accelerator;
  torch::nn::Sequential net = small_net();
  auto model = accelerator.prepare(net);
  const std::string folder = new_folder(accelerator);
  auto step = accelerator.capture([&](const at::Tensor& x) {
    const at::Tensor y = model(x).detach();
    accelerator.save_state(folder + "/one");
    return y;
  });
  Warnings warnings;
  for (int i = 0; i < 6; ++i) step(torch::ones({2, 1}));
  EXPECT_THAT(step.refusal().value_or("captured"), HasSubstr("the state is saved"));
  EXPECT_THAT(files_in(folder), ElementsAre("one"));
}

TEST(Checkpoint, SaysWhatIsInTheWay) {
  WholeRun<Full> run(1);
  const std::string folder = new_folder(run.accelerator);
  if (run.accelerator.is_main_process()) std::ofstream(folder + "/file") << "text";
  run.accelerator.wait_for_everyone();
  EXPECT_THAT(message_of([&] { run.accelerator.save_state(folder + "/file/one"); }),
              HasSubstr(folder + "/file"));
  EXPECT_THAT(message_of([&] { run.accelerator.load_state(folder + "/none"); }),
              HasSubstr(folder + "/none"));
  run.accelerator.save_state(folder + "/one");
}

}  // namespace
}  // namespace accelerate
