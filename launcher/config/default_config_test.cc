#include "launcher/config/default_config.h"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"

namespace accelerate::launcher {
namespace {

EnvironmentLookup environment(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(DefaultConfigPath, IsInTheFirstFolderThatIsSet) {
  EXPECT_EQ(default_config_path(environment(
                {{"HF_HOME", "/hf"}, {"XDG_CACHE_HOME", "/cache"}, {"HOME", "/home/me"}})),
            "/hf/accelerate/default_config.yaml");
  EXPECT_EQ(default_config_path(environment({{"XDG_CACHE_HOME", "/cache"}, {"HOME", "/home/me"}})),
            "/cache/huggingface/accelerate/default_config.yaml");
  EXPECT_EQ(default_config_path(environment({{"HOME", "/home/me"}})),
            "/home/me/.cache/huggingface/accelerate/default_config.yaml");
  EXPECT_EQ(default_config_path(
                environment({{"HF_HOME", ""}, {"XDG_CACHE_HOME", ""}, {"HOME", "/home/me"}})),
            "/home/me/.cache/huggingface/accelerate/default_config.yaml");
}

TEST(DefaultConfigPath, KnowsTheHomeFolder) {
  EXPECT_EQ(default_config_path(environment({{"HF_HOME", "~/hf"}, {"HOME", "/home/me"}})),
            "/home/me/hf/accelerate/default_config.yaml");
  EXPECT_EQ(default_config_path(environment({{"XDG_CACHE_HOME", "~"}, {"HOME", "/home/me"}})),
            "/home/me/huggingface/accelerate/default_config.yaml");
  const passwd* user = getpwuid(getuid());
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(
      default_config_path(environment({})),
      std::filesystem::path(user->pw_dir) / ".cache/huggingface/accelerate/default_config.yaml");
}

TEST(FindDefaultConfig, FindsYamlBeforeJsonAndOnlyWhatIsThere) {
  const std::string home = make_folder();
  const EnvironmentLookup lookup = environment({{"HF_HOME", home}});
  EXPECT_EQ(find_default_config(lookup), std::nullopt);
  const std::string folder = home + "/accelerate";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(find_default_config(lookup), std::nullopt);
  write_text(folder + "/default_config.json", "{}");
  EXPECT_EQ(find_default_config(lookup), folder + "/default_config.json");
  write_text(folder + "/default_config.yaml", "{}");
  EXPECT_EQ(find_default_config(lookup), folder + "/default_config.yaml");
}

// As a folder does that this user must not search, which the one who runs this test may do anyway.
TEST(FindDefaultConfig, FindsWhatCannotBeTold) {
  const std::string home = make_folder();
  std::filesystem::create_symlink("accelerate", home + "/accelerate");
  const std::optional<std::string> path = find_default_config(environment({{"HF_HOME", home}}));
  ASSERT_EQ(path, home + "/accelerate/default_config.yaml");
  EXPECT_NE(read_config(*path).status().message().find("cannot be read"), std::string::npos);
}

}  // namespace
}  // namespace accelerate::launcher
