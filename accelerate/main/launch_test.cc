// Starts real programs, as a person or another launcher would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "launcher/posix/listening_socket.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate {
namespace {

using launcher::Subprocess;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

using Words = std::vector<std::string>;

using Outcome = launcher::ProgramEnd;

Words command(const char* program, const Words& arguments, const Words& variables = {}) {
  Words words{"/usr/bin/env", "OMP_NUM_THREADS=1"};
  words.insert(words.end(), variables.begin(), variables.end());
  words.push_back(std::getenv(program));
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

Outcome run(const Words& words) { return launcher::run_to_end({.arguments = words}); }

Outcome launch(const Words& arguments, const Words& variables = {}) {
  return run(command("LAUNCHED_PROGRAM", arguments, variables));
}

TEST(Launch, IsOneCpuProcessInFullPrecisionByDefault) {
  const Outcome outcome = launch({});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, "rank 0 of 1: cpu no epochs 1 cpu 0\n");
}

TEST(Launch, WritesIntoNoFileWhereItsOutputIsClosed) {
  const std::string path = testing::TempDir() + "/read_by_one_without_output";
  std::ofstream(path) << "kept\n";
  const Words words = command("LAUNCHED_PROGRAM", {"--action=append", "--path=" + path});
  Words closed{"/bin/sh", "-c", "exec \"$@\" >&-", "sh"};
  closed.insert(closed.end(), words.begin(), words.end());
  EXPECT_EQ(run(closed).code, 0);
  std::string content;
  std::getline(std::ifstream(path), content, '\0');
  EXPECT_EQ(content, "kept\n");
}

TEST(Launch, StartsItselfSeveralTimes) {
  const Outcome outcome = launch({"--num_processes=2", "--epochs=3", "--mixed-precision", "bf16"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("rank 0 of 2: multi_cpu bf16 epochs 3 cpu 0\n"),
                                    HasSubstr("rank 1 of 2: multi_cpu bf16 epochs 3 cpu 0\n")));
}

TEST(Launch, HonoursTheEnvironmentAfterTheFlags) {
  EXPECT_THAT(launch({}, {"MIXED_PRECISION=fp16"}).output, HasSubstr("cpu fp16"));
  EXPECT_THAT(launch({}, {"MIXED_PRECISION=fp16", "ACCELERATE_MIXED_PRECISION=bf16"}).output,
              HasSubstr("cpu bf16"));
  EXPECT_THAT(launch({"--mixed_precision=no"}, {"MIXED_PRECISION=fp16"}).output,
              HasSubstr("cpu no"));
}

TEST(Launch, IsAWorkerOfWhoeverSetItsRank) {
  const int port = launcher::open_listening_socket(0)->port;
  std::vector<std::unique_ptr<Subprocess>> workers;
  for (int rank = 0; rank < 2; ++rank) {
    const std::string number = std::to_string(rank);
    workers.push_back(std::make_unique<Subprocess>(launcher::SubprocessOptions{
        .arguments = command("LAUNCHED_PROGRAM", {},
                             {"RANK=" + number, "WORLD_SIZE=2", "LOCAL_RANK=" + number,
                              "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port)})}));
  }
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(workers[rank]->wait(), 0) << workers[rank]->errors();
    EXPECT_EQ(workers[rank]->output(),
              "rank " + std::to_string(rank) + " of 2: multi_cpu no epochs 1 cpu 0\n");
  }
}

TEST(Launch, ShardsAsItIsTold) {
  const Words variables = {"ACCELERATE_USE_FSDP=true", "FSDP_SHARDING_STRATEGY=SHARD_GRAD_OP"};
  const Words flags = {"--num_processes=2", "--use_deepspeed", "--zero_stage=1"};
  for (const Outcome& outcome :
       {launch(flags), launch({"--num_processes=2"}, variables),
        run(command("ACCELERATE", {"launch", "--num_processes=2", "--use_fsdp",
                                   "--fsdp_sharding_strategy=SHARD_GRAD_OP",
                                   std::getenv("LAUNCHED_PROGRAM")}))}) {
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("rank 0 of 2: sharded_cpu no epochs 1 cpu 0\n"),
                                      HasSubstr("rank 1 of 2: sharded_cpu no epochs 1 cpu 0\n")));
  }
  const Outcome alone = launch({"--use_deepspeed"});
  EXPECT_EQ(alone.output, "rank 0 of 1: cpu no epochs 1 cpu 0\n");
  EXPECT_THAT(alone.errors, HasSubstr("ZeRO-2 has no effect in one process"));
}

TEST(Launch, SaysInADryRunHowItShards) {
  const Outcome outcome =
      launch({"--num_processes=2", "--use_deepspeed", "--zero_stage=1", "--dry_run"});
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("\nZeRO-1: each process keeps the whole model and its part of the "
                              "optimizer's state\n"),
                    HasSubstr("\n  ACCELERATE_DEEPSPEED_ZERO_STAGE=1\n")));
}

TEST(Launch, HonoursTheFlagsOfAWorker) {
  const Words job = {"RANK=0", "WORLD_SIZE=1", "OMP_NUM_THREADS=2"};
  const Outcome told = launch({"--action=count_threads"}, job);
  EXPECT_THAT(told.output, HasSubstr("threads 2\n")) << told.errors;
  const Outcome typed = launch({"--action=count_threads", "--num_cpu_threads_per_process=3"}, job);
  EXPECT_THAT(typed.output, HasSubstr("threads 3\n")) << typed.errors;
}

TEST(Launch, GivesTheProgramItsOwnFlagsAndWhatFollowsTheDashes) {
  EXPECT_THAT(launch({"--cpu"}).output, HasSubstr("cpu 1\n"));
  EXPECT_THAT(launch({"--num_processes=1", "--", "--cpu", "--epochs=5"}).output,
              HasSubstr("epochs 5 cpu 1\n"));
}

TEST(Launch, WaitsForOrphansAsTheFirstProcessOfAContainer) {
  const Words container = {"/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child"};
  const auto run_there = [&container](Words words) {
    words.insert(words.begin(), container.begin(), container.end());
    return run(words);
  };
  if (geteuid() != 0 || run_there({"/bin/true"}).code != 0)
    GTEST_SKIP() << "this user cannot make namespaces of processes";
  const Outcome outcome =
      run_there({std::getenv("LAUNCHED_PROGRAM"), "--cpu", "--action=leave_orphan"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("reaped 1\n"));
}

// Once with the store's process, and once with another.
TEST(Launch, DoesNotWaitForWhoEndsWithoutComing) {
  for (const std::string rank : {"0", "1"}) {
    const Outcome outcome =
        run(command("ACCELERATE", {"launch", "--cpu", "--num_processes=3", "--", "sh", "-c",
                                   "test $RANK = " + rank + " || exec $0",
                                   std::getenv("LAUNCHED_PROGRAM"), "--action=wait"}));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("rank " + rank +
                                          " has ended (with exit code 0) without joining the run"));
  }
}

std::string config_file(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  return path;
}

TEST(Launch, FollowsAConfigFile) {
  const std::string path = config_file(
      "two.yaml", "distributed_type: MULTI_CPU\nnum_processes: 2\nmixed_precision: bf16\n");
  const Outcome named = launch({"--config_file=" + path});
  EXPECT_EQ(named.code, 0) << named.errors;
  EXPECT_THAT(named.output, HasSubstr("rank 1 of 2: multi_cpu bf16"));
  EXPECT_THAT(launch({"--config_file", path, "--num_processes=1"}, {"MIXED_PRECISION=fp16"}).output,
              HasSubstr("rank 0 of 1: cpu fp16"));
  config_file("home/accelerate/default_config.yaml", "distributed_type: 'NO'\nfp16: true\n");
  EXPECT_THAT(launch({}, {"HF_HOME=" + testing::TempDir() + "/home"}).output,
              HasSubstr("rank 0 of 1: cpu fp16"));
}

TEST(Launch, RefusesAConfigFileForWhatItLacks) {
  const std::string path = config_file("fsdp.yaml", "distributed_type: FSDP\nnum_processes: 2\n");
  const Outcome outcome = launch({"--config_file=" + path});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("error: fsdp_sharding_strategy=FULL_SHARD"));
  EXPECT_EQ(outcome.output, "");
}

TEST(Launch, ShowsWhatItWouldStart) {
  const Outcome outcome = launch({"--num_processes=2", "--dry_run", "--enable_cpu_affinity"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("2 processes on the CPU"), HasSubstr("\nrank 1\n  command: "),
                    HasSubstr("  LOCAL_RANK=1\n"), Not(HasSubstr("rank 0 of 2"))));
}

TEST(Launch, KeepsTheOutputOfOneProcessToo) {
  const std::string folder = testing::TempDir() + "/logs";
  const Outcome outcome = launch({"--log_dir=" + folder});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("rank 0 of 1: cpu no"));
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files += entry.path().filename() == "stdout.log";
  }
  EXPECT_EQ(files, 1);
}

TEST(Launch, RefusesWhatNobodyKnows) {
  const Outcome flag = launch({"--epoch=3"});
  EXPECT_EQ(flag.code, 2);
  EXPECT_THAT(flag.errors, HasSubstr("Unknown command line flag 'epoch'"));
  const Outcome word = launch({"fast"});
  EXPECT_EQ(word.code, 2);
  EXPECT_THAT(word.errors, HasSubstr("error: unexpected argument `fast`; --help lists"));
}

TEST(Launch, RefusesWhatIsNearlyALaunchFlag) {
  for (const char* program : {"LAUNCHED_PROGRAM", "ARGUMENTS_PROGRAM"}) {
    const Outcome outcome = run(command(program, {"--cpu", "--num_process=2"}));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors,
                HasSubstr("--num_process is not a launch flag; did you mean --num_processes?"));
  }
  const Outcome own = run(command("ARGUMENTS_PROGRAM", {"--cpu", "--", "--num_process=2"}));
  EXPECT_EQ(own.output, "argument --num_process=2\n") << own.errors;
}

TEST(Launch, SaysWhatAWorkerOfOthersDrops) {
  const Outcome outcome = launch({"--num_processes=2"}, {"RANK=0", "WORLD_SIZE=1"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.output, HasSubstr("rank 0 of 1"));
  EXPECT_THAT(outcome.errors, HasSubstr("accelerate: --num_processes is ignored"));
}

TEST(Launch, RefusesInADryRunWhatARunRefuses) {
  for (const std::string word : {"--no_such_flag", "--use_fsdp"}) {
    const Outcome outcome = launch({"--dry_run", word});
    EXPECT_EQ(outcome.code, 2) << word;
    EXPECT_EQ(outcome.output, "") << word;
  }
}

TEST(Launch, SaysWhatAStepOfSlurmDrops) {
  const auto start = [](const std::string& task) {
    return launch(
        {"--num_processes=4", "--log_dir=logs", "--dry_run"},
        {"SLURM_JOB_ID=7", "SLURM_STEP_ID=0", "SLURM_PROCID=" + task, "SLURM_LOCALID=" + task,
         "SLURM_NODEID=0", "SLURM_NTASKS=2", "SLURM_STEP_NUM_TASKS=2", "SLURM_STEP_NUM_NODES=1",
         "SLURM_STEP_TASKS_PER_NODE=2", "SLURM_STEP_NODELIST=localhost"});
  };
  const Outcome first = start("0");
  EXPECT_EQ(first.code, 0) << first.errors;
  EXPECT_THAT(first.errors,
              AllOf(HasSubstr("accelerate: --num_processes, --log_dir are ignored"),
                    HasSubstr("is already one of 2"), HasSubstr("under srun, SLURM_STEP_ID")));
  EXPECT_EQ(start("1").errors, "") << "one task says it for all";
}

TEST(Launch, ExplainsBadLaunchFlagsInASentence) {
  for (const std::string flag : {"--num_processes=0", "--num_processes=abc", "--num_processes",
                                 "--mixed_precision=fp17", "--main_process_port=70000"}) {
    const Outcome outcome = launch({flag});
    EXPECT_EQ(outcome.code, 2) << flag;
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("error: "), Not(HasSubstr("frame #")))) << flag;
    EXPECT_THAT(outcome.errors, HasSubstr(flag.substr(0, flag.find('='))));
    EXPECT_EQ(outcome.output, "");
  }
}

TEST(Launch, RefusesGpusThatAreNotThere) {
  const Outcome outcome = launch({"--multi_gpu"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("error: "));
}

TEST(Launch, ShowsLaunchFlagsAndProgramFlagsAsHelp) {
  const Outcome outcome = launch({"--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("--num_processes"), HasSubstr("--mixed_precision"),
                                    HasSubstr("--epochs (a flag of the program's own); default: 1"),
                                    Not(HasSubstr("flagfile"))));
}

// The last words of a run that was asked to stop, without the ranks' reports.
std::string last_words(const std::string& output) {
  return output.substr(std::min(output.find("stopped"), output.size()));
}

TEST(Launch, StopsTogetherWhereASchedulerAsksForIt) {
  for (const int processes : {1, 2, 3}) {
    for (const int signal : {SIGUSR1, SIGTERM}) {
      SCOPED_TRACE(processes);
      SCOPED_TRACE(signal);
      Subprocess program({.arguments = command(
                              "LAUNCHED_PROGRAM",
                              {"--action=stop", "--num_processes=" + std::to_string(processes)})});
      for (int rank = 0; rank < processes; ++rank)
        program.wait_for_output("rank " + std::to_string(rank) + " trains\n");
      program.send_signal(signal);
      const int code = program.wait();
      // A launcher tells its own launcher what has ended it.
      EXPECT_EQ(code, processes > 1 && signal == SIGTERM ? 128 + SIGTERM : 0) << program.errors();
      const std::string words = last_words(program.output());
      const std::string line = words.substr(0, words.find('\n') + 1);
      std::string expected;
      for (int rank = 0; rank < processes; ++rank) expected += line;
      EXPECT_EQ(words, expected);
      EXPECT_THAT(line, HasSubstr("stopped at "));
    }
  }
}

TEST(Launch, StopsTogetherWhereOneProcessIsAsked) {
  const Outcome outcome = launch({"--num_processes=3", "--action=stop_by_last"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(last_words(outcome.output), "stopped at 4\nstopped at 4\nstopped at 4\n");
}

TEST(Launch, GivesProcessesTheirTimeToEnd) {
  // One that does not ask is killed after the grace period; with none it is killed at once.
  Subprocess program(
      {.arguments = command("LAUNCHED_PROGRAM",
                            {"--num_processes=2", "--action=ignore_stop", "--grace_period=0"})});
  program.wait_for_output("rank 0 goes on\n");
  program.wait_for_output("rank 1 goes on\n");
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_TRUE(program.vanishes());
}

TEST(Launch, PrintsLinesAsTheyAreWritten) {
  Subprocess process(
      {.arguments = command("LAUNCHED_PROGRAM", {"--num_processes=2", "--action=wait"})});
  process.wait_for_output("rank 0 of 2: multi_cpu no epochs 1 cpu 0\n");
  process.wait_for_output("rank 1 of 2: multi_cpu no epochs 1 cpu 0\n");
  process.send_signal(SIGTERM);
  EXPECT_EQ(process.wait(), 128 + SIGTERM);
  EXPECT_TRUE(process.vanishes());
}

// LibTorch's take longer to end than a small program trains.
TEST(Launch, EndsItsOwnStaticObjectsAndNotThoseOfLibraries) {
  for (const char* const processes : {"1", "2"}) {
    const Outcome outcome =
        launch({"--action=tell_of_end", std::string("--num_processes=") + processes});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("the program is gone."));
    EXPECT_THAT(outcome.output, Not(HasSubstr("the libraries are gone.")));
  }
}

TEST(Launch, EndsWithTheMessageOfAnException) {
  const Outcome alone = launch({"--action=throw"});
  EXPECT_EQ(alone.code, 1);
  EXPECT_EQ(alone.errors, "error: this went wrong; do it right\n");
  const Outcome two = launch({"--action=throw", "--num_processes=2"});
  EXPECT_EQ(two.code, 1);
  EXPECT_THAT(two.errors,
              AllOf(HasSubstr("error: this went wrong; do it right\n"), Not(HasSubstr("frame #"))));
}

TEST(Launch, SaysWhatWasInAGpusMemoryThatWasNotEnough) {
  const Outcome outcome = launch({"--action=run_out_of_gpu_memory"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors,
              HasSubstr("error: CUDA out of memory.\nrank 0 wanted 1.0 MB on GPU 0, "
                        "where 0 bytes of 1.0 GB are free\n"));
  EXPECT_THAT(outcome.errors, HasSubstr("\n  weight (parameters), 16.0 KB"));
}

TEST(Launch, NoticesAPeerThatDiedDuringACollective) {
  const Outcome died = launch({"--action=die", "--num_processes=3"});
  EXPECT_EQ(died.code, 128 + SIGABRT);
  EXPECT_THAT(died.errors, HasSubstr("rank 2 of 3"));
  const Outcome left = launch({"--action=leave", "--num_processes=3"});
  EXPECT_EQ(left.code, 7);
  EXPECT_THAT(left.errors, ContainsRegex("rank 2 of 3 .* exited with code 7"));
}

TEST(Launch, GivesUpOnAPeerThatDoesNotTakePart) {
  const Outcome outcome = launch({"--action=absent", "--num_processes=2"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, ContainsRegex("failed on rank 0 of 2: .*within 20 s"));
}

TEST(Launch, NamesTheDifferenceBetweenTheModelsOfTheRanks) {
  const Outcome outcome = launch({"--action=differ", "--num_processes=2"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("is not the same on all ranks: rank 0 has"));
}

TEST(Launch, TakesPathsFromWhereTheUserStands) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/note.txt") << "a note\n";
  // As `bazel run` starts it.
  const std::string program = folder + "/read_from_runfiles";
  std::filesystem::remove(program);
  std::filesystem::create_symlink(std::filesystem::absolute(std::getenv("LAUNCHED_PROGRAM")),
                                  program);
  std::filesystem::create_directories(program + ".runfiles/_main");
  const Outcome outcome =
      run({"/usr/bin/env", "--chdir=" + program + ".runfiles/_main",
           "BUILD_WORKING_DIRECTORY=" + folder, program, "--action=read", "--path=note.txt"});
  EXPECT_THAT(outcome.output, HasSubstr("read a note\n")) << outcome.errors;
}

TEST(FixedProgram, ReadsItsArgumentsItself) {
  const Outcome outcome =
      run(command("ARGUMENTS_PROGRAM", {"--lr", "0.1", "--cpu", "file", "--", "--num_processes"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output,
            "argument --lr\nargument 0.1\nargument file\nargument --num_processes\n");
}

TEST(FixedProgram, RefusesWhatItWasNotBuiltFor) {
  const Outcome precision = run(command("ARGUMENTS_PROGRAM", {"--mixed_precision=fp16"}));
  EXPECT_EQ(precision.code, 2);
  EXPECT_THAT(precision.errors,
              HasSubstr("built for mixed precision bf16 only, not for fp16; build it without a "
                        "fixed precision (--precision=auto), or with --config=fp16"));
  const Outcome processes = run(command("ARGUMENTS_PROGRAM", {"--num_processes=2"}));
  EXPECT_EQ(processes.code, 2);
  EXPECT_THAT(processes.errors, HasSubstr("built for the strategy cpu only"));
}

}  // namespace
}  // namespace accelerate
