#include "launcher/cli/config_fact.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/fact.h"
#include "launcher/config/config_testing.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ConfigFact, ShowsTheKeysOfTheDefaultFile) {
  const std::string home = make_folder();
  setenv("HF_HOME", home.c_str(), /*replace=*/1);
  EXPECT_EQ(to_bullets({config_fact(std::nullopt)}), "- `Accelerate` default config: Not found\n");
  std::filesystem::create_directory(home + "/accelerate");
  write_text(home + "/accelerate/default_config.yaml",
             "use_cpu: yes\ndistributed_type: FSDP\nfsdp_config: {fsdp_version: 2}\n"
             "tpu_env: [A=1, B]\n");
  EXPECT_EQ(to_bullets({config_fact(std::nullopt)}),
            "- `Accelerate` default config:\n\t- distributed_type: FSDP\n\t- fsdp_config:\n"
            "\t\t- fsdp_version: 2\n\t- tpu_env: [A=1, B]\n\t- use_cpu: true\n");
}

TEST(ConfigFact, SaysWhyAFileCannotBeShown) {
  const std::string folder = make_folder();
  const Fact missing = config_fact(folder + "/a.yaml");
  EXPECT_EQ(missing.name, "`Accelerate` config passed");
  EXPECT_THAT(missing.value, HasSubstr("a.yaml` does not exist. Please pass an existing file"));
  write_text(folder + "/a.yaml", "num_processes: many\ndebug: perhaps\n");
  const Fact wrong = config_fact(folder + "/a.yaml");
  EXPECT_THAT(wrong.value, HasSubstr("; " + folder + "/a.yaml:2: "));
  EXPECT_THAT(wrong.details, IsEmpty());
}

}  // namespace
}  // namespace accelerate::launcher
