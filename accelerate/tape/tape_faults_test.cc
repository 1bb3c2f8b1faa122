// Inputs of a tape that are not what their memory says, and memory that outlives it.
#include <torch/torch.h>

#include <stdexcept>

#include "accelerate/host_work/host_work.h"
#include "accelerate/tape/tape.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

TEST(TapeFaults, ReadsNegatedAndConjugatedInputs) {
  const auto x = torch::randn({3, 2}), z = torch::view_as_complex(torch::randn({3, 2, 2}));
  at::Tensor result;
  const auto step = [&] { result = x.sin() + torch::view_as_real(z.resolve_conj() * 2).sum(2); };
  Tape tape(record({x, z}, step), {x, z});
  const auto other = torch::view_as_complex(torch::randn({3, 2, 2}));
  const at::Tensor negated = torch::_neg_view(torch::randn({3, 2})), conjugate = other.conj();
  tape.replay({negated, conjugate});
  const at::Tensor expected =
      negated.resolve_neg().sin() + torch::view_as_real(conjugate.resolve_conj() * 2).sum(2);
  EXPECT_TRUE(result.equal(expected)) << result << " for " << expected;
}

TEST(TapeFaults, LeavesAnInputThatTheProgramHoldsItsMemory) {
  at::Tensor held = torch::ones({64});
  {
    at::Tensor sum;
    Tape tape(record({held}, [&] { sum = held.sum(); }), {held});
    tape.replay({torch::full({64}, 3.0)});
  }
  EXPECT_EQ(held.sum().item<float>(), 192);
}

TEST(TapeFaults, ClosesTheScopesThatAreOpenWhereItThrows) {
  const auto weight = torch::ones({3, 2}), index = torch::tensor({1});
  int open = 0, other = 0;
  bool throws = false;
  const int outer = 0, inner = 0, later = 0;
  const auto step = [&] {
    open_in_each_replay(&outer, "outer", [&open] { ++open; });
    open_in_each_replay(&inner, "inner", [&open] { ++open; });
    close_in_each_replay(&inner, "end of inner", [&open] { --open; });
    in_each_replay("work", [&throws] {
      if (throws) throw std::runtime_error("no");
    });
    weight.index_select(0, index);
    open_in_each_replay(&later, "later", [&other] { ++other; });
    close_in_each_replay(&later, "end of later", [&other] { --other; });
    close_in_each_replay(&outer, "end of outer", [&open] { --open; });
  };
  Tape tape(record({index}, step), {index});
  EXPECT_THROW(tape.replay({torch::tensor({7})}), c10::Error);
  EXPECT_EQ(open, 0);
  throws = true;
  EXPECT_THROW(tape.replay({torch::tensor({0})}), std::runtime_error);
  EXPECT_EQ(open, 0);
  EXPECT_EQ(other, 0);
}

}  // namespace
}  // namespace accelerate
