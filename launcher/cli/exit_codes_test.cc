// What the command exits with, and what reaches a terminal, when somebody makes a mistake.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Words = std::vector<std::string>;

ProgramEnd run(const Words& words, const Words& variables = {}) {
  Words all = {"/usr/bin/env", "-u", "HF_HOME", "XDG_CACHE_HOME=" + make_folder()};
  all.insert(all.end(), variables.begin(), variables.end());
  all.push_back("launcher/accelerate");
  all.insert(all.end(), words.begin(), words.end());
  Subprocess command({.arguments = all});
  command.close_input();
  const int code = command.wait();
  return {code, command.output(), command.errors()};
}

TEST(ExitCodes, AreTwoForAllMistakes) {
  const std::string folder = make_folder();
  const std::string broken = folder + "/broken.yaml";
  write_text(broken, "num_processes: many\n");
  const std::string missing = folder + "/missing.yaml";
  const std::vector<Words> mistakes = {
      {"lanch"},
      {"--verson"},
      {"launch"},
      {"launch", "--num_proceses=2", "true"},
      {"launch", "--num_processes=many", "true"},
      {"launch", "--config_file", missing, "true"},
      {"launch", "--config_file", broken, "true"},
      {"launch", "--config_file", folder, "true"},
      {"launch", folder + "/missing.py"},
      {"launch", "--use_fsdp", "--cpu", "true"},
      {"launch", "--num_processes=2", "--num_machines=2", "true"},
      {"config", "dfault"},
      {"config", "--config_fil", missing},
      {"config", "--config_file", folder},
      {"config", "default", "--config_file", folder},
      {"config", "default", "--mixed_precision=int9"},
      {"config", "default", "--config_file", "/dev/null/a.yaml"},
      {"config", "default", "one", "two"},
      {"config", "update", "--config_file", missing},
      {"config", "update", "--config_file", broken},
      {"env", "--config"},
      {"env", "--config_file"},
      {"env", "--config_file", missing},
      {"env", "--config_file", broken},
      {"estimate-memory"},
      {"estimate-memory", missing},
      {"estimate-memory", broken},
      {"estimate-memory", folder},
      {"estimate-memory", folder, "--dtypes", "int9"},
      {"test", "--num_proceses=2"},
      {"test", "true"},
      {"checkpoint"},
      {"checkpoint", "lst", folder},
      {"checkpoint", "list"},
      {"checkpoint", "list", missing},
      {"checkpoint", "show", folder},
      {"checkpoint", "verify", folder},
      {"checkpoint", "remove", folder},
      {"checkpoint", "remove", missing},
      {"dump"},
      {"dump", "x"},
      {"trace"},
      {"trace", missing},
      {"runs"},
      {"runs", missing},
      {"runs", broken},
      {"runs", folder},
  };
  for (const Words& words : mistakes) {
    const ProgramEnd end = run(words);
    EXPECT_EQ(end.code, 2) << ::testing::PrintToString(words) << end.errors;
    EXPECT_THAT(end.errors, Not(IsEmpty())) << ::testing::PrintToString(words);
  }
}

TEST(ExitCodes, AreNoughtForHelp) {
  const std::vector<Words> commands = {
      {},      {"launch"},          {"config"}, {"config", "default"}, {"config", "update"},
      {"env"}, {"estimate-memory"}, {"test"},   {"checkpoint"},        {"checkpoint", "list"},
      {"runs"}};
  for (Words words : commands) {
    words.push_back("--help");
    const ProgramEnd end = run(words);
    EXPECT_EQ(end.code, 0) << ::testing::PrintToString(words);
    EXPECT_THAT(end.output, HasSubstr("usage: accelerate ")) << ::testing::PrintToString(words);
    EXPECT_EQ(end.errors, "");
  }
}

// Where variables and files hold what terminals obey: in C0 and C1, as UTF-8 and as a raw byte.
TEST(Terminal, GetsNothingThatItObeys) {
  const std::string evil = "a\x1b[2J\u009b2J\u202eb\x9b";
  const std::string path = make_folder() + "/" + evil + ".yaml";
  write_text(path,
             "distributed_type: MULTI_CPU\nnum_processes: 1\nrdzv_backend: \"a\\e[2J\\u202e\"\n");
  const std::string good = make_folder() + "/good.yaml";
  write_text(good,
             "distributed_type: MULTI_CPU\nnum_processes: 1\n"
             "main_process_ip: \"a\\e[2J\\u009b\"\ntpu_name: \"\\e[2J\\u202e\"\n");
  const std::vector<Words> commands = {
      {"env", "--config_file", good},
      {"env", "--config_file", path},
      {"launch", "--config_file", path, "true"},
      {"launch", "--config_file", path + "x", "true"},
      {"launch", "--config_file", good, "--num_machines=2", "--machine_rank=0", "--dry_run",
       "true"},
      {"launch", "--num_processes", evil, "true"},
      {"launch", "--" + evil, "true"},
      {"launch", evil + ".py"},
      {"config", "default", "--config_file", path},
      {"config", "update", "--config_file", path},
      {"config", "--config_file", path},
      {"config", "--help"},
      {"estimate-memory", path},
      {"test", evil},
      {"checkpoint", evil},
      {"checkpoint", "list", path},
      {"checkpoint", "remove", path},
      {"runs", path},
      {evil},
  };
  const Words variables = {"HF_HOME=/" + evil, "CUDA_VISIBLE_DEVICES=" + evil,
                           "SLURM_JOB_NODELIST=" + evil, "PYTHON=/" + evil};
  for (const Words& words : commands) {
    const ProgramEnd end = run(words, variables);
    const std::string shown = end.output + end.errors;
    for (const char* harm : {"\x1b[2J", "\u009b", "\u202e", "b\x9b"}) {
      EXPECT_THAT(shown, Not(HasSubstr(harm))) << ::testing::PrintToString(words);
    }
  }
  EXPECT_THAT(run({"launch", "true"}, {"ACCELERATE_MIXED_PRECISION=" + evil}).errors,
              HasSubstr("ACCELERATE_MIXED_PRECISION=a [2J?2J?b? is not valid"));
}

}  // namespace
}  // namespace accelerate::launcher
