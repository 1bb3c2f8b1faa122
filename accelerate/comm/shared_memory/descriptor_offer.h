// An open file that other processes of this user on this host can get from this one.
//
//   const DescriptorOffer offer(descriptor, {.pids = {4711, 4712}});
//   tell_others({offer.address(), offer.token(), getpid()});
//
//   const int same = take_descriptor(source_of_rank_0, timeout);  // In the others.
//
// Addresses are of the network namespace, and gone with the offer. Anybody can connect to them: the
// kernel tells each side who the other one is, and strangers get nothing and hold up nobody.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

namespace accelerate::internal {

struct DescriptorOfferOptions {
  // Those that may have it; empty where processes do not see each other's numbers.
  std::set<pid_t> pids = {};
};

class DescriptorOffer {
 public:
  // Of a descriptor that is open for as long as the offer. Throws std::system_error.
  explicit DescriptorOffer(int descriptor, DescriptorOfferOptions options = {});
  DescriptorOffer(const DescriptorOffer&) = delete;
  DescriptorOffer& operator=(const DescriptorOffer&) = delete;
  ~DescriptorOffer();

  // Bytes, some of which are zero.
  const std::string& address() const { return address_; }
  // What comes with the descriptor, so that nobody takes another one for it.
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
  // Whose offer it is; 0 where this process does not see its number.
  pid_t pid = 0;
};

// The descriptor, which the caller owns. Throws std::exception where that is not there any more,
// belongs to somebody else, or does not answer in time.
int take_descriptor(const DescriptorSource& source, std::chrono::milliseconds timeout);

}  // namespace accelerate::internal
