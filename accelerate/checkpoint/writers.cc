#include "accelerate/checkpoint/writers.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "accelerate/checkpoint/save_job.h"

namespace accelerate::internal {
namespace {

bool is_there(const std::string& path) {
  struct stat facts = {};
  return ::stat(path.c_str(), &facts) == 0;
}

void throw_first(const std::vector<std::string>& failures) {
  for (size_t rank = 0; rank < failures.size(); ++rank)
    TORCH_CHECK(failures[rank].empty(), "rank ", rank, ": ", failures[rank]);
}

}  // namespace

void make_part(const std::string& unfinished, int rank) {
  const std::string path = part_path(unfinished, rank);
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  TORCH_CHECK(descriptor >= 0, "cannot create ", path, ": ", std::strerror(errno),
              "; make sure that all ranks can write to the folder");
  ::close(descriptor);
}

Writers find_writers(const Exchange& exchange, int rank, bool leads_host,
                     const std::string& unfinished) {
  const bool sees = is_there(part_path(unfinished, 0));
  const std::string kSees = "sees", kBlind = "does not see";
  const std::vector<std::string> all = exchange(sees ? kSees : kBlind);
  const int size = static_cast<int>(all.size());
  const bool is_shared = std::all_of(all.begin(), all.end(),
                                     [&kSees](const std::string& each) { return each == kSees; });
  if (!is_shared) {
    std::string failure;
    if (!sees && leads_host) {
      std::error_code error;
      std::filesystem::create_directories(unfinished, error);
      if (error) failure = c10::str("cannot create ", unfinished, ": ", error.message());
    }
    throw_first(exchange(failure));
  }
  std::string failure;
  try {
    make_part(unfinished, rank);
  } catch (const c10::Error& error) {
    failure = error.what_without_backtrace();
  }
  throw_first(exchange(failure));
  Writers writers;
  for (int other = 0; other < size; ++other) {
    if (!is_shared && !is_there(part_path(unfinished, other))) continue;
    if (other == rank) writers.member = static_cast<int>(writers.ranks.size());
    writers.ranks.push_back(other);
  }
  if (is_shared) return writers;
  // A network's file system may show to one what it does not show to the other yet.
  std::string own;
  for (const int member : writers.ranks) own += c10::str(member, " ");
  // The same check on all ranks, so that all of them throw.
  const std::vector<std::string> lists = exchange(own);
  for (int one = 0; one < size; ++one) {
    for (int other = 0; other < size; ++other) {
      const bool names = (" " + lists[one]).find(c10::str(" ", other, " ")) != std::string::npos;
      TORCH_CHECK(!names || lists[one] == lists[other], "ranks ", one, " and ", other,
                  " do not agree on who else sees ", unfinished,
                  "; save to a folder that all machines share, or to one of each machine");
    }
  }
  return writers;
}

}  // namespace accelerate::internal
