// The addresses of a name, asked for without waiting: a name server that does not answer may take
// half a minute, in which nobody here would hear a signal.
//
// Example:
//   AddressLookup lookup("node-0", 29500);
//   // Once poll() says that lookup.fd() can be read, or at any time:
//   if (lookup.is_done()) connect_to(lookup.result());
//
// Not for numbers alone: those need no server, and are there at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/posix/address.h"

namespace accelerate::launcher {

using Addresses = absl::StatusOr<std::vector<Address>>;
using Resolve = std::function<Addresses(const std::string& host, int port)>;

// A thread asks, which nobody waits for: it holds nothing of this process, and ends with it.
class AddressLookup {
 public:
  AddressLookup(const std::string& host, int port, const Resolve& resolve = launcher::resolve);

  bool is_done() const;
  // Once it is done.
  Addresses result() const;
  // Can be read once it is done.
  int fd() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace accelerate::launcher
