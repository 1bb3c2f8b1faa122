// Looks up the addresses of a name without waiting: a name server that does not answer may take
// half a minute, during which no signal would be handled.
//
// Example:
//   AddressLookup lookup("node-0", 29500);
//   // Once poll() says that lookup.fd() can be read, or at any time:
//   if (lookup.is_done()) connect_to(lookup.result());
//
// Not for numeric addresses: they need no server.
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

// A detached thread asks the server: it holds nothing of this process, and ends with it.
class AddressLookup {
 public:
  AddressLookup(const std::string& host, int port, const Resolve& resolve = launcher::resolve);

  bool is_done() const;
  // Call it once is_done() is true.
  Addresses result() const;
  // Becomes readable when the lookup is done.
  int fd() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace accelerate::launcher
