#include "launcher/cluster/job_template.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> no_variables(const std::string&) { return std::nullopt; }

TemplateJob job(const LaunchRequest& request) {
  Command command = {.argv = {request.program.program}, .takes_store_socket = true};
  for (const std::string& argument : request.program.arguments) command.argv.push_back(argument);
  const auto made = make_template_job(request, command, /*num_gpus=*/0, no_variables);
  EXPECT_TRUE(made.ok()) << made.status();
  return made.value_or(TemplateJob());
}

// Eight GPUs of two machines.
TemplateJob two_machines() {
  return job(
      {.config = {.mixed_precision = MixedPrecision::kBf16, .num_processes = 8, .num_machines = 2},
       .program = {.program = "bin/My_Model.v2", .arguments = {"--name", "it's $(HOME)"}}});
}

TemplateJob one_machine() {
  return job({.config = {.use_cpu = true, .num_processes = 2},
              .threads_per_process = 3,
              .max_restarts = 1,
              .program = {.program = "my_model"}});
}

std::string golden(const std::string& name) {
  std::ifstream file("launcher/cluster/testdata/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(JobTemplate, CountsTheProcessesOfAllMachines) {
  LaunchRequest each = {.config = {.num_machines = 2}, .processes_per_machine = 4};
  LaunchRequest all = {.config = {.num_processes = 8, .num_machines = 2}};
  EXPECT_EQ(print_template("slurm", job(each)), print_template("slurm", job(all)));
}

// The launcher of the job would give a Python program its own defaults of these.
TEST(JobTemplate, PassesTheSettingsOfACompilerOn) {
  LaunchRequest request = {.config = {.num_processes = 2,
                                      .fp8_config = {{"fp8_margin", "5"}},
                                      .dynamo_config = {{"dynamo_backend", "inductor"},
                                                        {"dynamo_use_fullgraph", "true"},
                                                        {"dynamo_use_dynamic", "false"}}},
                           .program = {.program = "train.py"}};
  const std::vector<std::string> words = job(request).launch;
  for (const std::string word : {"--dynamo_backend=inductor", "--dynamo_use_fullgraph"})
    EXPECT_THAT(words, Contains(word));
  EXPECT_THAT(words, Not(Contains(HasSubstr("dynamic"))));
}

TEST(JobTemplate, TellsTheMachinesHowToShard) {
  const TemplateJob made = job({.config = {.distributed_type = DistributedType::kDeepspeed,
                                           .use_cpu = true,
                                           .num_processes = 2,
                                           .deepspeed_config = {{"zero_stage", "1"}}},
                                .program = {.program = "my_model"}});
  EXPECT_THAT(print_template("slurm", made),
              HasSubstr("\nexport ACCELERATE_DEEPSPEED_ZERO_STAGE=1\nexport "
                        "ACCELERATE_USE_CPU=True\nexport ACCELERATE_USE_DEEPSPEED=true\n"));
}

TEST(JobTemplate, IsTheTextInItsGoldenFile) {
  EXPECT_EQ(print_template("slurm", two_machines()), golden("two_machines.sbatch"));
  EXPECT_EQ(print_template("kubernetes", two_machines()), golden("two_machines_pytorchjob.yaml"));
  EXPECT_EQ(print_template("jobset", two_machines()), golden("two_machines_jobset.yaml"));
  EXPECT_EQ(print_template("mpi", two_machines()), golden("two_machines_mpi.sh"));
  EXPECT_EQ(print_template("slurm", one_machine()), golden("one_machine.sbatch"));
  EXPECT_EQ(print_template("kubernetes", one_machine()), golden("one_machine_pytorchjob.yaml"));
  EXPECT_EQ(print_template("jobset", one_machine()), golden("one_machine_jobset.yaml"));
  EXPECT_EQ(print_template("mpi", one_machine()), golden("one_machine_mpi.sh"));
}

std::vector<std::string> words(const YAML::Node& list) {
  return list.as<std::vector<std::string>>();
}

TEST(JobTemplate, IsAManifestThatAParserReads) {
  const YAML::Node spec = YAML::Load(pytorch_job(two_machines()))["spec"];
  EXPECT_EQ(spec["nprocPerNode"].as<std::string>(), "4");
  EXPECT_EQ(spec["nprocPerNode"].Tag(), "!");  // A string: in quotes.
  const YAML::Node replicas = spec["pytorchReplicaSpecs"];
  EXPECT_EQ(replicas["Master"]["replicas"].as<int>(), 1);
  EXPECT_EQ(replicas["Worker"]["replicas"].as<int>(), 1);
  const YAML::Node pod = replicas["Worker"]["template"]["spec"];
  const YAML::Node container = pod["containers"][0];
  // Otherwise Kubernetes would put a value in the place of $(HOME).
  EXPECT_THAT(words(container["command"]),
              ElementsAre("accelerate", "launch", "--num_processes=8", "--", "bin/My_Model.v2",
                          "--name", "it's $$(HOME)"));
  EXPECT_EQ(container["env"][0]["name"].as<std::string>(), "ACCELERATE_MIXED_PRECISION");
  EXPECT_EQ(container["env"][0]["value"].as<std::string>(), "bf16");
  EXPECT_EQ(container["resources"]["limits"]["nvidia.com/gpu"].as<int>(), 4);
  EXPECT_EQ(container["volumeMounts"][0]["name"].as<std::string>(),
            pod["volumes"][0]["name"].as<std::string>());
}

TEST(JobTemplate, GivesThePodsOfAJobSetTheirPlace) {
  const YAML::Node spec = YAML::Load(job_set(two_machines()))["spec"]["replicatedJobs"][0];
  EXPECT_EQ(spec["template"]["spec"]["completions"].as<int>(), 2);
  const YAML::Node pod = spec["template"]["spec"]["template"]["spec"];
  EXPECT_EQ(pod["restartPolicy"].as<std::string>(), "Never");
  std::map<std::string, std::string> variables;
  for (const auto& variable : pod["containers"][0]["env"]) {
    variables[variable["name"].as<std::string>()] =
        variable["value"] ? variable["value"].as<std::string>() : "from the pod";
  }
  EXPECT_EQ(variables,
            (std::map<std::string, std::string>{{"ACCELERATE_MIXED_PRECISION", "bf16"},
                                                {"ACCELERATE_USE_CPU", "False"},
                                                {"MASTER_ADDR", "my-model-machines-0-0.my-model"},
                                                {"MASTER_PORT", "29500"},
                                                {"PET_NNODES", "2"},
                                                {"PET_NODE_RANK", "from the pod"},
                                                {"PET_NPROC_PER_NODE", "4"}}));
}

TEST(JobTemplate, AsksForNoGpuOnTheCpu) {
  EXPECT_THAT(sbatch_script(one_machine()), Not(HasSubstr("gpus")));
  EXPECT_THAT(pytorch_job(one_machine()), Not(HasSubstr("nvidia.com/gpu")));
}

TEST(JobTemplate, TellsMpirunWhereToMeetWhereSomebodySaidSo) {
  EXPECT_THAT(mpirun_line(two_machines()), Not(HasSubstr("MASTER_PORT")));
  const LaunchRequest request = {
      .config = {.num_processes = 4, .num_machines = 2, .main_process_ip = "node-0"},
      .program = {.program = "my_model"}};
  EXPECT_THAT(mpirun_line(job(request)), HasSubstr(" -x MASTER_ADDR=node-0 "));
}

TEST(JobTemplate, IsNamedAfterTheProgram) {
  const auto name = [](const std::string& program) {
    return job({.program = {.program = program}}).name;
  };
  EXPECT_EQ(name("/a/b/train_GPT.py"), "train-gpt");
  EXPECT_EQ(name("42_"), "train");
  EXPECT_EQ(name(std::string(80, 'x')), std::string(40, 'x'));
}

}  // namespace
}  // namespace accelerate::launcher
