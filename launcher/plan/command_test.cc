#include "launcher/plan/command.h"

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(Command, IsReadableByPeopleAndShells) {
  EXPECT_EQ(to_string(Command{.argv = {"./my_model", "--lr=0.1", "a b", "", "it's", "$HOME"}}),
            R"(./my_model --lr=0.1 'a b' '' 'it'\''s' '$HOME')");
}

}  // namespace
}  // namespace accelerate::launcher
