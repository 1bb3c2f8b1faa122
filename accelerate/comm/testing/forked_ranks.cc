#include "accelerate/comm/testing/forked_ranks.h"

#include <c10/util/Exception.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <torch/csrc/distributed/c10d/FileStore.hpp>

namespace accelerate::internal {
namespace {

std::string new_store_path() {
  static int count = 0;
  const char* folder = std::getenv("TEST_TMPDIR");
  return std::string(folder != nullptr ? folder : "/tmp") + "/store" + std::to_string(getpid()) +
         "." + std::to_string(count++);
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> part;
  for (ssize_t length; (length = read(descriptor, part.data(), part.size())) > 0;)
    text.append(part.data(), length);
  close(descriptor);
  return text;
}

}  // namespace

std::vector<RankEnd> run_forked(
    int size,
    const std::function<std::string(int rank, const c10::intrusive_ptr<c10d::Store>& store)>&
        function) {
  const std::string path = new_store_path();
  std::vector<RankEnd> ends(size);
  std::vector<int> pipes;
  for (int rank = 0; rank < size; ++rank) {
    std::array<int, 2> ends_of_pipe;
    TORCH_CHECK(pipe(ends_of_pipe.data()) == 0, "pipe failed");
    ends[rank].pid = fork();
    TORCH_CHECK(ends[rank].pid >= 0, "fork failed");
    if (ends[rank].pid == 0) {
      std::string text;
      try {
        text = function(rank, c10::make_intrusive<c10d::FileStore>(path, size));
      } catch (const c10::Error& error) {
        text = error.what_without_backtrace();
      } catch (const std::exception& error) {
        text = error.what();
      }
      const bool written =
          write(ends_of_pipe[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
      // Nothing of the test's own is to end here.
      _exit(written ? 0 : 1);
    }
    close(ends_of_pipe[1]);
    pipes.push_back(ends_of_pipe[0]);
  }
  for (int rank = 0; rank < size; ++rank) {
    ends[rank].text = read_all(pipes[rank]);
    int status = 0;
    waitpid(ends[rank].pid, &status, 0);
    if (WIFSIGNALED(status)) ends[rank].signal = WTERMSIG(status);
  }
  unlink(path.c_str());
  return ends;
}

}  // namespace accelerate::internal
