// Runs on two processes at once. Each check meets an Accelerator, or a rank, with the fault that it
// is there for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>
#include <string>

#include "accelerate/core/accelerator.h"
#include "accelerate/self_test/collectives_check.h"
#include "accelerate/self_test/data_check.h"
#include "accelerate/self_test/process_group_check.h"
#include "accelerate/self_test/report.h"
#include "accelerate/self_test/training_check.h"
#include "testing/errors/message_of.h"

namespace accelerate::self_test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using Full = Accelerator<MultiCpu, Fp32>;
using BFloat = Accelerator<MultiCpu, Bf16>;
using Half = Accelerator<MultiCpu, Fp16>;

template <class A>
std::string first_found(A& accelerator, void (*check)(A&, Findings&)) {
  Findings found;
  check(accelerator, found);
  return found.first();
}

// ---- Findings and the report

TEST(Findings, SayWhatWasExpectedAndWhatWasSeen) {
  Findings found;
  found.expect_equal("the sum", torch::tensor({1.0f, 2.0f}), torch::tensor({1.0f, 2.00001f}), 1e-4);
  found.expect(true, "nothing");
  EXPECT_TRUE(found.empty());
  found.expect_equal("the sum", torch::tensor({1.0f, 2.0f}), torch::tensor({1.0f, 2.5f}), 1e-4);
  found.expect(false, "a consequence");
  EXPECT_EQ(found.first(), "the sum: expected 2 as element 1 of 2, saw 2.5");
}

TEST(Findings, TakeNoNanOtherShapeOrTypeForEqual) {
  const at::Tensor expected = torch::tensor({1.0f, 2.0f});
  const auto seen_instead = [&](const at::Tensor& seen) {
    Findings found;
    found.expect_equal("it", expected, seen, 1);
    return found.first();
  };
  EXPECT_EQ(seen_instead(torch::tensor({1.0f, NAN})), "it: expected 2 as element 1 of 2, saw nan");
  EXPECT_EQ(seen_instead(expected.view({2, 1})), "it: expected Float [2], saw Float [2, 1]");
  EXPECT_EQ(seen_instead(expected.to(at::kHalf)), "it: expected Float [2], saw Half [2]");
}

TEST(Report, TellsAllRanksOfAProblemOnOne) {
  Full accelerator;
  std::ostringstream out;
  Report report(accelerator, out);
  report.run("a good check", [](Findings&) {});
  report.run("a bad check", [&](Findings& found) {
    found.expect(accelerator.process_index() != 1, "expected 2, saw 3");
  });
  if (accelerator.is_main_process()) {
    EXPECT_THAT(out.str(), AllOf(StartsWith("a good check ....."), HasSubstr(". ok\na bad check ."),
                                 EndsWith(". FAILED: rank 1: expected 2, saw 3\n")));
  } else {
    EXPECT_THAT(out.str(), IsEmpty());
  }
  EXPECT_THAT(message_of([&] { report.finish(); }), StartsWith("1 of 2 checks failed; "));
}

TEST(Report, NamesTheCheckThatCouldNotGoOn) {
  Full accelerator;
  std::ostringstream out;
  Report report(accelerator, out);
  const std::string message = message_of(
      [&] { report.run("a check", [](Findings&) { TORCH_CHECK(false, "a peer has ended"); }); });
  EXPECT_THAT(message,
              AllOf(StartsWith("a check ..."),
                    EndsWith("FAILED: rank " + std::to_string(accelerator.process_index()) +
                             ": a peer has ended")));
}

TEST(Report, IsNoSuccessWhereNobodyCanReadIt) {
  Full accelerator;
  std::ostringstream out;
  Report report(accelerator, out);
  out.setstate(std::ios::badbit);
  report.run("a good check", [](Findings&) {});
  EXPECT_THAT(message_of([&] { report.finish(); }), HasSubstr("could not be written"));
}

// ---- What the checks find

// A process group in which both ranks think that they are the first.
struct Doubled : Full {
  int process_index() const { return 0; }
};

TEST(ProcessGroupCheck, FindsARankThatIsThereTwice) {
  Doubled doubled;
  EXPECT_EQ(first_found(doubled, check_process_group<Doubled>),
            "the ranks of all processes: expected 1 as element 1 of 2, saw 0");
}

TEST(ProcessGroupCheck, DescribesTheGroup) {
  EXPECT_EQ(describe_process_group(Full()), "2 processes on the CPU");
}

// Rank 1 gets the parts in another order.
struct Swapping : Full {
  template <class Value>
  Value gather(Value value) {
    value = Full::gather(std::move(value));
    visit_tensors(value, [this](at::Tensor& tensor) {
      if (process_index() == 1) tensor = tensor.flip(0);
    });
    return value;
  }
};

// Wrong for one operation in one type.
struct Lossy : Full {
  at::Tensor reduce(const at::Tensor& value, ReduceOp op = ReduceOp::kSum) {
    const at::Tensor result = Full::reduce(value, op);
    return result.scalar_type() == at::kBFloat16 && op == ReduceOp::kMax ? result - 1 : result;
  }
};

// Hears nothing from the other rank.
struct Deaf : Full {
  at::Tensor broadcast(const at::Tensor& value, int) { return value; }
  at::Tensor pad_across_processes(const at::Tensor& value, const PadOptions&) { return value; }
};

TEST(CollectivesCheck, FindsPartsInTheWrongOrder) {
  Swapping swapping;
  const std::string found = first_found(swapping, check_gather<Swapping>);
  if (swapping.process_index() == 0)
    EXPECT_EQ(found, "");
  else
    EXPECT_THAT(found, StartsWith("gather in Float: expected "));
}

TEST(CollectivesCheck, FindsOneTypeThatIsReducedWrongly) {
  Lossy lossy;
  EXPECT_THAT(first_found(lossy, check_reduce<Lossy>), StartsWith("max in BFloat16: expected "));
}

TEST(CollectivesCheck, FindsWhatDidNotArrive) {
  Deaf deaf;
  const std::string found = first_found(deaf, check_broadcast<Deaf>);
  EXPECT_THAT(found, StartsWith(deaf.process_index() == 1 ? "broadcast from rank 0 in Float: "
                                                          : "broadcast from rank 1 in Float: "));
  const std::string padding = first_found(deaf, check_padding<Deaf>);
  // The longest is complete as it is.
  if (deaf.process_index() == 1)
    EXPECT_EQ(padding, "");
  else
    EXPECT_EQ(padding, "padding behind: expected Float [2, 3], saw Float [1, 3]");
}

// Counts what fills up the last batches.
struct Repeating : Full {
  at::Tensor gather_for_metrics(const at::Tensor& value) { return gather(value); }
};

TEST(DataCheck, FindsSamplesThatCountTwice) {
  Repeating repeating;
  EXPECT_EQ(first_found(repeating, check_shards<Repeating>),
            "1 samples in order: expected Long [1], saw Long [8]");
  Full filling_up;
  EXPECT_EQ(first_found(filling_up, check_uneven_shards<Full>),
            "1 samples in order: expected Long [1], saw Long [8]");
}

// Takes the gradients for a little more, or for nothing.
template <class Base, int percent>
struct Weighing : Base {
  void backward(const at::Tensor& loss) { Base::backward(loss * (percent / 100.0)); }
};

TEST(TrainingCheck, FindsGradientsThatAreALittleWrong) {
  Weighing<Full, 101> weighing;
  EXPECT_THAT(first_found(weighing, check_training<Weighing<Full, 101>>),
              StartsWith("the trained parameters: expected "));
}

TEST(TrainingCheck, FindsALossThatDoesNotFall) {
  Weighing<BFloat, 0> weighing;
  EXPECT_THAT(first_found(weighing, check_mixed_precision<Weighing<BFloat, 0>>),
              StartsWith("expected training to halve the loss, saw it go from "));
}

// Computes in fp32 where fp16 was promised.
struct Unhalved : Half {
  std::optional<Autocast> autocast() const { return std::nullopt; }
};

TEST(TrainingCheck, FindsAnotherTypeThanThePrecisions) {
  Unhalved unhalved;
  EXPECT_EQ(first_found(unhalved, check_mixed_precision<Unhalved>),
            "a product under autocast: expected Half [2, 2], saw Float [2, 2]");
}

TEST(TrainingCheck, FindsALossScaleThatDoesNotFollow) {
  Half half({.loss_scale = {.backoff_factor = 0.25}});
  EXPECT_EQ(first_found(half, check_overflow<Half>),
            "expected the loss scale 32768 after an overflow, saw 16384");
}

}  // namespace
}  // namespace accelerate::self_test
