// Offers an open file to other processes of this user on this host.
//
//   const DescriptorOffer offer(descriptor, {.pids = {4711, 4712}});
//   tell_others({offer.address(), offer.token(), getpid()});
//
//   const int same = take_descriptor(source_of_rank_0, timeout);  // In the others.
//
// Addresses belong to the network namespace and disappear with the offer. Anybody can connect to
// them, but the kernel tells each side who the other one is; strangers get nothing and delay
// nobody.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

namespace accelerate::internal {

struct DescriptorOfferOptions {
  // The processes that may have it; empty if processes do not see each other's ids.
  std::set<pid_t> pids = {};
};

class DescriptorOffer {
 public:
  // The descriptor must stay open as long as the offer lives. Throws std::system_error.
  explicit DescriptorOffer(int descriptor, DescriptorOfferOptions options = {});
  DescriptorOffer(const DescriptorOffer&) = delete;
  DescriptorOffer& operator=(const DescriptorOffer&) = delete;
  ~DescriptorOffer();

  // Bytes, some of which are zero.
  const std::string& address() const { return address_; }
  // Is sent with the descriptor, so that the receiver recognises it.
  const std::string& token() const { return token_; }

 private:
  void serve() const;
  void serve_next() const;

  const int descriptor_;
  const DescriptorOfferOptions options_;
  const std::string token_;
  int socket_ = -1;
  int end_ = -1;
  std::string address_;
  std::thread thread_;
};

struct DescriptorSource {
  std::string address;
  std::string token;
  // The process that made the offer; 0 if this process does not see its id.
  pid_t pid = 0;
};

// Returns the descriptor, which the caller owns. Throws std::exception if the offer is gone,
// belongs to somebody else, or does not answer in time.
int take_descriptor(const DescriptorSource& source, std::chrono::milliseconds timeout);

}  // namespace accelerate::internal
