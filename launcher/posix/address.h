// Addresses of machines, IPv4 and IPv6 alike.
//
// Example:
//   const absl::StatusOr<std::vector<Address>> addresses = resolve("node-0", 29500);
//   if (addresses.ok() && is_of_this_machine(addresses->front())) open_door();
//
// Not for names in messages: to_string() shows numbers.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// A value.
struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// All addresses of `host`, a name or numbers, in the order in which to try them. Unavailable says
// that there is none, and what to do. May wait long for a name server (address_lookup.h does not).
// Thread-safe.
absl::StatusOr<std::vector<Address>> resolve(const std::string& host, int port);

// The same for numbers, such as "10.0.0.1", without waiting; no value for names.
std::optional<std::vector<Address>> resolve_number(const std::string& host, int port);

// Whether `host` is written as a loopback address: "localhost", "127.0.0.1", "::1". Other names may
// also resolve to one; only resolve() could tell.
bool is_loopback(const std::string& host);

// The addresses of the two ends of a connected socket. Empty for a socket within this machine.
Address own_address(int fd);
Address peer_address(int fd);

// Only the number, "10.0.0.1"; "this machine" for an empty address.
std::string to_string(const Address& address);

bool is_of_this_machine(const Address& address);

// The name of the network interface with this address, such as "eth0"; empty if none has it.
std::string interface_of(const Address& address);

}  // namespace accelerate::launcher
