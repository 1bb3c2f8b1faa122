// The ranks are processes here, some of which die.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "accelerate/comm/testing/forked_ranks.h"
#include "accelerate/comm/testing/joined_backend.h"

namespace accelerate::internal {
namespace {

using ::testing::HasSubstr;

// Of this user; others come and go.
std::set<std::string> names_in_shared_memory() {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", none)) {
    struct stat facts = {};
    if (lstat(entry.path().c_str(), &facts) == 0 && facts.st_uid == geteuid())
      names.insert(entry.path().filename());
  }
  return names;
}

std::string has_died(const RankEnd& end, int rank,
                     const std::string& before = "all_reduce number 1 (the sum of 2500001 Float)") {
  return "rank " + std::to_string(rank) + " (pid " + std::to_string(end.pid) +
         ") has died or left before " + before;
}

// One of the collectives of which each rank has a part.
c10::intrusive_ptr<c10d::Work> start_parts(const Backend& backend, bool gathers, int64_t part) {
  at::Tensor all = at::ones({part * backend->getSize()});
  at::Tensor own = all.narrow(0, part * backend->getRank(), part);
  return gathers ? backend->_allgather_base(all, own) : backend->_reduce_scatter_base(own, all);
}

TEST(CpuBackendDeaths, NamesARankThatIsKilled) {
  const auto names = names_in_shared_memory();
  const auto ends = run_forked(3, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 3);
    at::Tensor tensor = at::ones({kLarge});
    if (rank == 1) {
      // It gives as much as there is room for while nobody takes it, and no sums.
      std::vector<at::Tensor> tensors{tensor};
      const auto work = backend->allreduce(tensors);
      store->set("given", "");
      raise(SIGKILL);
    }
    store->get("given");
    all_reduce(backend, tensor, c10d::ReduceOp::SUM);
    return "no error";
  });
  EXPECT_EQ(ends[1].signal, SIGKILL);
  for (const int rank : {0, 2}) EXPECT_THAT(ends[rank].text, HasSubstr(has_died(ends[1], 1)));
  EXPECT_THAT(names, testing::IsSupersetOf(names_in_shared_memory()));
}

TEST(CpuBackendDeaths, NamesARankThatEnds) {
  const auto ends = run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 2);
    if (rank == 1) return "";
    at::Tensor tensor = at::ones({kLarge});
    all_reduce(backend, tensor, c10d::ReduceOp::SUM);
    return "no error";
  });
  EXPECT_THAT(ends[0].text, HasSubstr(has_died(ends[1], 1)));
}

TEST(CpuBackendDeaths, NamesARankThatLeavesAndLivesOn) {
  const auto ends = run_forked(2, [](int rank, const Store& store) -> std::string {
    Backend backend = join(store, rank, 2);
    if (rank == 1) {
      backend.reset();
      store->get("noticed");
      return "";
    }
    at::Tensor tensor = at::ones({kLarge});
    std::string message = "no error";
    try {
      all_reduce(backend, tensor, c10d::ReduceOp::SUM);
    } catch (const std::exception& error) {
      message = error.what();
    }
    store->set("noticed", "");
    return message;
  });
  EXPECT_THAT(ends[0].text, HasSubstr(has_died(ends[1], 1)));
}

TEST(CpuBackendDeaths, NamesADeadRankWhoseChildLivesOn) {
  int until_the_end[2];
  ASSERT_EQ(pipe(until_the_end), 0);
  const auto ends = run_forked(2, [&](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 2);
    if (rank == 1 && fork() == 0) {
      // A child that has what its parent had open, but the pipes, whose ends others wait for.
      for (int descriptor = 3; descriptor < 256; ++descriptor) {
        if (descriptor != until_the_end[0] && lseek(descriptor, 0, SEEK_CUR) < 0) close(descriptor);
      }
      char byte;
      const bool over = read(until_the_end[0], &byte, 1) == 0;
      _exit(over ? 0 : 1);
    }
    if (rank == 1) raise(SIGKILL);
    close(until_the_end[1]);
    at::Tensor tensor = at::ones({kLarge});
    all_reduce(backend, tensor, c10d::ReduceOp::SUM);
    return "no error";
  });
  close(until_the_end[1]);
  close(until_the_end[0]);
  EXPECT_THAT(ends[0].text, HasSubstr(has_died(ends[1], 1)));
}

TEST(CpuBackendDeaths, LeavesNothingWhereAllAreKilledAtOnce) {
  const auto names = names_in_shared_memory();
  for (const bool in_the_meeting : {true, false}) {
    for (const RankEnd& end : run_forked(3, [&](int rank, const Store&store) -> std::string {
           if (in_the_meeting && rank == 2) raise(SIGKILL);
           store->setTimeout(std::chrono::seconds(1));
           const Backend backend = join(store, rank, 3);
           raise(SIGKILL);
           return "";
         }))
      EXPECT_TRUE(end.signal == SIGKILL || !end.text.empty());
  }
  EXPECT_THAT(names, testing::IsSupersetOf(names_in_shared_memory()));
}

TEST(CpuBackendDeaths, NamesARankThatIsKilledAmidParts) {
  for (const bool gathers : {false, true}) {
    const auto ends = run_forked(3, [gathers](int rank, const Store& store) -> std::string {
      const Backend backend = join(store, rank, 3);
      if (rank == 1) {
        const auto work = start_parts(backend, gathers, kLarge);
        store->set("given", "");
        raise(SIGKILL);
      }
      store->get("given");
      start_parts(backend, gathers, kLarge)->wait();
      return "no error";
    });
    EXPECT_EQ(ends[1].signal, SIGKILL);
    const std::string before = gathers ? "all_gather number 1 (2500001 Float)"
                                       : "reduce_scatter number 1 (the sum of 2500001 Float)";
    for (const int rank : {0, 2})
      EXPECT_THAT(ends[rank].text, HasSubstr(has_died(ends[1], 1, before)));
  }
}

// A rank's collectives inside its host are called as the program calls them.
TEST(CpuBackendDeaths, PassesADeathAmidPartsOnBetweenHosts) {
  for (const bool gathers : {false, true}) {
    const auto ends = run_forked(4, [gathers](int rank, const Store& store) -> std::string {
      const Backend backend = join(store, rank, 4, "0011");
      if (rank == 3) raise(SIGKILL);
      start_parts(backend, gathers, 1001)->wait();
      return "no error";
    });
    const std::string before = gathers ? "all_gather number 1 (" : "reduce_scatter number 1 (";
    EXPECT_THAT(ends[2].text, HasSubstr(has_died(ends[3], 3, before)));
    EXPECT_THAT(ends[0].text, HasSubstr("onnection"));
    EXPECT_THAT(ends[1].text, HasSubstr("rank 0 (pid " + std::to_string(ends[0].pid) + ")"));
  }
}

TEST(CpuBackendDeaths, PassesADeathOnBetweenHosts) {
  const auto ends = run_forked(4, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 4, "0011");
    if (rank == 3) raise(SIGKILL);
    at::Tensor tensor = at::ones({kLarge});
    all_reduce(backend, tensor, c10d::ReduceOp::SUM);
    return "no error";
  });
  EXPECT_THAT(ends[2].text, HasSubstr(has_died(ends[3], 3)));
  // Its host's leader ends, and its connections with it.
  EXPECT_THAT(ends[0].text, HasSubstr("onnection"));
  EXPECT_THAT(ends[1].text, HasSubstr("rank 0 (pid " + std::to_string(ends[0].pid) + ")"));
}

TEST(CpuBackendDeaths, NamesARankThatIsTooLate) {
  const auto ends = run_forked(3, [](int rank, const Store& store) -> std::string {
    const Backend backend = join(store, rank, 3, "", std::chrono::seconds(2));
    if (rank == 1) {
      store->get("0");
      store->get("2");
      return "";
    }
    std::string message = "no error";
    try {
      backend->barrier()->wait();
    } catch (const std::exception& error) {
      message = error.what();
    }
    store->set(std::to_string(rank), "");
    return message;
  });
  for (const int rank : {0, 2})
    EXPECT_THAT(ends[rank].text, HasSubstr("rank 1 (pid " + std::to_string(ends[1].pid) + ")"));
  EXPECT_THAT(ends[0].text + ends[2].text,
              HasSubstr("did not take part in barrier number 1 within 2 s"));
}

// As one in a debugger.
TEST(CpuBackendDeaths, NamesARankThatIsStoppedAmidParts) {
  for (const bool gathers : {false, true}) {
    const auto ends = run_forked(2, [gathers](int rank, const Store& store) -> std::string {
      const Backend backend = join(store, rank, 2, "", std::chrono::seconds(1));
      if (rank == 1) {
        store->set("pid", std::to_string(getpid()));
        raise(SIGSTOP);
        return "";
      }
      std::string message = "no error";
      try {
        start_parts(backend, gathers, kLarge)->wait();
      } catch (const std::exception& error) {
        message = error.what();
      }
      kill(std::stoi(store->get_to_str("pid")), SIGCONT);
      return message;
    });
    EXPECT_THAT(ends[0].text,
                HasSubstr("rank 1 (pid " + std::to_string(ends[1].pid) + ") did not take part in " +
                          (gathers ? "all_gather" : "reduce_scatter") + " number 1"));
  }
}

// The backend's rank 0 is rank 4 of a run.
TEST(CpuBackendDeaths, NamesTheRanksOfTheRun) {
  const auto ends = run_forked(2, [](int rank, const Store& store) -> std::string {
    const Backend backend =
        make_cpu_backend(store, {.rank = rank, .size = 2, .timeout = kLong, .run_ranks = {4, 7}});
    if (rank == 1) raise(SIGKILL);
    at::Tensor tensor = at::ones({kLarge});
    all_reduce(backend, tensor, c10d::ReduceOp::SUM);
    return "no error";
  });
  EXPECT_THAT(ends[0].text, HasSubstr(has_died(ends[1], 7)));
  EXPECT_THAT(ends[0].text, HasSubstr("in which rank 4 waited for it"));
}

}  // namespace
}  // namespace accelerate::internal
