// `accelerate launch` as it is built, with real programs: shells, Python scripts, and what they
// start.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "launcher/posix/listening_socket.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::TempDir;

using Words = std::vector<std::string>;

// With no config file but the one that `home` has, and no GPU.
Words command(const Words& arguments, const std::string& home = TempDir() + "/no_config") {
  Words words = {"/usr/bin/env",      "HF_HOME=" + home,     "CUDA_VISIBLE_DEVICES=",
                 "OMP_NUM_THREADS=1", "launcher/accelerate", "launch"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

// All is told, so that there is nothing to remark upon.
Words told(int num_processes, const Words& arguments) {
  Words words = command({"--num_processes", std::to_string(num_processes), "--num_machines=1",
                         "--mixed_precision=no", "--dynamo_backend=no"});
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

ProgramEnd run(const Words& words) { return run_to_end({.arguments = words}); }

std::string file(const std::string& name, const std::string& text) {
  const std::string path = TempDir() + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  return path;
}

const char kPrintRank[] =
    "import os, sys\n"
    "print('rank', os.environ.get('RANK'), 'of', os.environ.get('WORLD_SIZE'), sys.argv[1:],\n"
    "      os.environ['ACCELERATE_MIXED_PRECISION'], sys.flags.dev_mode)\n";

TEST(Launch, StartsAnyProgramInAsManyProcessesAsWereAskedFor) {
  const ProgramEnd result =
      run(told(4, {"--cpu", "--", "sh", "-c", "echo rank $RANK of $WORLD_SIZE; exit 0"}));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.errors, IsEmpty());
  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_THAT(result.output, HasSubstr("rank " + std::to_string(rank) + " of 4\n"));
  }
}

TEST(Launch, StartsAPythonScriptWithItsArgumentsUntouched) {
  const std::string script = file("train.py", kPrintRank);
  const ProgramEnd one = run(told(1, {"--python_flags=-X dev", script, "--cpu", "--", "-h"}));
  EXPECT_EQ(one.code, 0) << one.errors;
  EXPECT_EQ(one.output, "rank None of None ['--cpu', '--', '-h'] no True\n");
  const ProgramEnd two = run(told(2, {"--mixed_precision", "bf16", script}));
  EXPECT_EQ(two.code, 0) << two.errors;
  EXPECT_THAT(two.output, AllOf(HasSubstr("rank 0 of 2 [] bf16 False\n"),
                                HasSubstr("rank 1 of 2 [] bf16 False\n")));
}

TEST(Launch, StartsAPythonModule) {
  const ProgramEnd result = run(told(1, {"-m", "json.tool", "--help"}));
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("json.tool"));
}

TEST(Launch, ReadsTheDefaultConfigFileUnlessAnotherIsNamed) {
  const std::string script = file("train.py", kPrintRank);
  const std::string home = TempDir() + "/home";
  file("home/accelerate/default_config.yaml",
       "distributed_type: MULTI_CPU\nnum_processes: 2\nmixed_precision: fp16\n");
  const std::string other = file("other.json", R"({"distributed_type": "NO", "tpu_name": "mine"})");
  EXPECT_THAT(run(command({script}, home)).output, HasSubstr("rank 1 of 2 [] fp16"));
  const ProgramEnd named = run(command({"--config_file", other, script}, home));
  EXPECT_THAT(named.output, HasSubstr("rank None of None [] no"));
  EXPECT_THAT(named.errors,
              ContainsRegex("accelerate launch: .*other.json.*`tpu_name` has no effect"));
}

TEST(Launch, TrainsOnTheCpuWhereThatIsTypedWhateverTheFileTrainsOn) {
  const std::string sharded = file("sharded.yaml",
                                   "distributed_type: FSDP\nnum_processes: 2\n"
                                   "fsdp_config: {fsdp_version: 2}\n"
                                   "parallelism_config: {parallelism_config_dp_shard_size: 2}\n");
  const ProgramEnd result = run(command({"--cpu", "--config_file", sharded, "sh", "-c",
                                         "echo \"$WORLD_SIZE,$ACCELERATE_USE_FSDP,"
                                         "$ACCELERATE_USE_PARALLELISM_CONFIG\""}));
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output, "2,,\n2,,\n");
}

TEST(Launch, SaysWhatItWasNotTold) {
  const ProgramEnd result = run(command({"true"}));
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.errors,
            "The following values were not passed to `accelerate launch` and had defaults used "
            "instead:\n"
            "\t`--num_processes` was set to a value of `1`\n"
            "\t`--num_machines` was set to a value of `1`\n"
            "\t`--mixed_precision` was set to a value of `'no'`\n"
            "\t`--dynamo_backend` was set to a value of `'no'`\n"
            "To avoid this warning pass in values for each of the problematic parameters or run "
            "`accelerate config`.\n");
}

TEST(Launch, ShowsWhatItWouldStart) {
  const ProgramEnd result =
      run(told(2, {"--dry_run", "--main_process_port=1234", "./no such program"}));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, AllOf(StartsWith("2 processes on the CPU"),
                                   HasSubstr("\nrank 1\n  command: './no such program'\n"),
                                   HasSubstr("\n  MASTER_PORT=1234\n")));
}

TEST(Launch, RefusesAWrongCommandLineInOneLine) {
  const ProgramEnd flag = run(command({"--num_proceses", "2", "train.py"}));
  EXPECT_EQ(flag.code, 2);
  EXPECT_EQ(
      flag.errors,
      "accelerate launch: --num_proceses is not a launch flag; did you mean --num_processes?\n");
  const ProgramEnd nothing = run(command({"--cpu"}));
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.errors,
            "accelerate launch: there is no program to launch; name one after the launch flags.\n");
  EXPECT_THAT(run(command({"no/train.py"})).errors, HasSubstr("check the path"));
  EXPECT_EQ(run(told(2, {"no/such/program"})).code, 127);
}

TEST(Launch, RefusesWhatIsNotThere) {
  const ProgramEnd gpus = run(command({"--multi_gpu", "true"}));
  EXPECT_EQ(gpus.code, 2);
  EXPECT_THAT(gpus.errors, HasSubstr("at least 2 processes to use `--multi_gpu`"));
  const ProgramEnd config = run(command({"--config_file=none.yaml", "true"}));
  EXPECT_EQ(config.code, 2);
  EXPECT_THAT(config.errors, HasSubstr("`none.yaml` does not exist"));
  EXPECT_THAT(run(told(1, {"--vm", "a", "--env=b", "true"})).errors,
              HasSubstr("--vm, --env have no effect here and are ignored."));
}

TEST(Launch, ReturnsTheCodeOfTheRankThatFailed) {
  const Words failing = {"sh", "-c", "test $RANK = 0 || exit 5; exec sleep 1000"};
  const ProgramEnd result = run(told(2, failing));
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.errors, ContainsRegex("rank 1 of 2 .* exited with code 5; the others were"));
  Words quiet = {"--quiet"};
  quiet.insert(quiet.end(), failing.begin(), failing.end());
  EXPECT_THAT(run(told(2, quiet)).errors, IsEmpty());
}

TEST(Launch, StartsAllAgainWhenOneHasFailedAndKeepsWhatTheyPrint) {
  const std::string logs = TempDir() + "/logs";
  const ProgramEnd result =
      run(told(2, {"--max_restarts=1", "--log_dir", logs, "-t", "3", "sh", "-c",
                   "echo attempt $TORCHELASTIC_RESTART_COUNT; "
                   "exit $((1 - TORCHELASTIC_RESTART_COUNT))"}));
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, AllOf(HasSubstr("[default1]:attempt 1\n")));
  EXPECT_THAT(result.errors, HasSubstr("all processes start again (restart 1 of 1)"));
  std::vector<std::string> kept;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(logs)) {
    if (entry.path().filename() == "stdout.log") {
      kept.push_back(entry.path().parent_path().parent_path().filename());
    }
  }
  EXPECT_EQ(std::count(kept.begin(), kept.end(), "attempt_0"), 2);
  EXPECT_EQ(std::count(kept.begin(), kept.end(), "attempt_1"), 2);
}

// Two launchers on one machine, which know of each other no more than two machines would.
TEST(Launch, StartsThePartOfItsMachine) {
  const int port = open_listening_socket(/*port=*/0, Reach::kNetwork)->port;
  const Words both = {"--num_machines=2", "--main_process_ip=127.0.0.1",
                      "--main_process_port=" + std::to_string(port)};
  const auto machine = [&](const std::string& rank) {
    Words words = both;
    words.insert(words.end(), {"--machine_rank", rank, "sh", "-c",
                               "echo rank $RANK of $WORLD_SIZE local $LOCAL_RANK of "
                               "$LOCAL_WORLD_SIZE group $GROUP_RANK of $GROUP_WORLD_SIZE at "
                               "$MASTER_ADDR"});
    return std::make_unique<Subprocess>(SubprocessOptions{.arguments = told(4, words)});
  };
  const auto first = machine("0"), second = machine("1");
  EXPECT_EQ(first->wait(), 0) << first->errors();
  EXPECT_EQ(second->wait(), 0) << second->errors();
  EXPECT_THAT(first->output(), HasSubstr("rank 1 of 4 local 1 of 2 group 0 of 2 at 127.0.0.1\n"));
  EXPECT_THAT(second->output(), HasSubstr("rank 2 of 4 local 0 of 2 group 1 of 2 at 127.0.0.1\n"));
}

TEST(Launch, WillNotMultiplyTheProcessesOfAnotherLauncher) {
  Words words = {"/usr/bin/env", "RANK=1", "WORLD_SIZE=4", "LOCAL_RANK=1"};
  for (const std::string& word : told(2, {"--cpu", "true"})) words.push_back(word);
  const ProgramEnd result = run(words);
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors, HasSubstr("each of which would start processes of its own"));
}

TEST(Launch, PrintsWhatASchedulerTakesAndStartsNothing) {
  for (const auto& [scheduler, line] : std::vector<std::pair<std::string, std::string>>{
           {"slurm", "#SBATCH --nodes=2\n"},
           {"kubernetes", "kind: PyTorchJob\n"},
           {"jobset", "kind: JobSet\n"},
           {"mpi", "mpirun --hostfile hosts --npernode 2 -n 4 "}}) {
    const ProgramEnd result = run(command({"--print", scheduler, "--cpu", "--num_processes=4",
                                           "--num_machines=2", "sh", "-c", "echo started"}));
    EXPECT_EQ(result.code, 0) << result.errors;
    EXPECT_THAT(result.output, HasSubstr(line));
    EXPECT_THAT(result.output, Not(StartsWith("started")));
  }
}

TEST(Launch, SaysWhatThePrintedFilesDoNotHave) {
  const ProgramEnd result =
      run(command({"--print", "mpi", "--cpu", "--num_processes=2", "--num_machines=1",
                   "--mixed_precision=no", "--max_restarts=1", "--rdzv_id=secret", "true"}));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.errors, HasSubstr("does not contain --rdzv_id, --max_restarts; add"));
}

TEST(Launch, StartsTheProcessesOfAllHostsThroughMpirun) {
  setenv("HOME", TempDir().c_str(), /*replace=*/0);  // Open MPI 5 needs one.
  if (std::system("mpirun --version > /dev/null 2>&1") != 0) {
    const ProgramEnd missing = run(told(2, {"--mpirun_hostfile=hosts", "true"}));
    EXPECT_EQ(missing.code, 2);
    EXPECT_THAT(missing.errors, HasSubstr("mpirun or mpiexec were not found; install"));
    GTEST_SKIP() << "there is no mpirun on this machine";
  }
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", /*replace=*/1);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", /*replace=*/1);
  const std::string hosts = file("hosts", "localhost slots=2\n");
  const ProgramEnd dry = run(told(2, {"--cpu", "--dry_run", "--mpirun_hostfile", hosts, "true"}));
  EXPECT_THAT(dry.output, HasSubstr("mpirun starts 2 processes, which meet at 127.0.0.1 port 2"));
  const ProgramEnd result =
      run(told(2, {"--cpu", "--mpirun_hostfile", hosts, "sh", "-c",
                   "echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE: ${RANK-none} "
                   "$MASTER_ADDR:$MASTER_PORT $ACCELERATE_USE_CPU"}));
  EXPECT_EQ(result.code, 0) << result.errors;
  const std::string place = "none 127.0.0.1:2[0-9]+ True\n";
  EXPECT_THAT(result.output, AllOf(ContainsRegex("rank 0 of 2: " + place),
                                   ContainsRegex("rank 1 of 2: " + place)));
  EXPECT_THAT(result.output, Not(HasSubstr(":29500")));
}

// The ranks start processes of their own, which outlive them unless somebody sees to it. By exec,
// as a shell that is just starting a process may keep a signal from both.
const Words kWithGrandchildren = {"sh", "-c", "sleep 1000 & echo ready $RANK; exec sleep 1000"};

TEST(Launch, LeavesNothingBehindAfterASignal) {
  for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
    SCOPED_TRACE(signal);
    Subprocess program({.arguments = told(2, kWithGrandchildren)});
    program.wait_for_output("ready 0\n");
    program.wait_for_output("ready 1\n");
    EXPECT_GE(program.descendants().size(), 5u);
    program.send_signal(signal);
    EXPECT_EQ(program.wait(), 128 + signal);
    EXPECT_TRUE(program.vanishes());
  }
}

// Rank 0 looks out for the signal, and rank 1 does not.
const char kWaitForWarning[] =
    "import os, signal, time\n"
    "def warned(*_):\n"
    // print() must not interrupt another one.
    "    os.write(1, b'warned\\n')\n"
    "if os.environ['RANK'] == '0':\n"
    "    signal.signal(signal.SIGUSR1, warned)\n"
    "print('ready', os.environ['RANK'], flush=True)\n"
    "while True:\n"
    "    time.sleep(1000)\n";

TEST(Launch, PassesAWarningOnWhichEndsNobody) {
  Subprocess program({.arguments = told(2, {"--cpu", file("warned.py", kWaitForWarning)})});
  program.wait_for_output("ready 0\n");
  program.wait_for_output("ready 1\n");
  program.send_signal(SIGUSR1);
  program.wait_for_output("warned\n");
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM) << program.errors();
}

TEST(Launch, LeavesNothingBehindAfterAFailure) {
  const ProgramEnd result =
      run(told(2, {"sh", "-c", "sleep 1000 & test $RANK = 1 && exit 3; wait"}));
  EXPECT_EQ(result.code, 3);
}

TEST(Launch, BindsEachRankToItsCores) {
  const ProgramEnd result =
      run(told(2, {"--enable_cpu_affinity", "--cpu", "sh", "-c",
                   "grep -h Cpus_allowed_list /proc/self/status; echo threads $OMP_NUM_THREADS"}));
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, AllOf(HasSubstr("Cpus_allowed_list"), HasSubstr("threads 1\n")));
}

}  // namespace
}  // namespace accelerate::launcher
