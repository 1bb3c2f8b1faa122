#include "launcher/posix/address.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

Address make_address(const sockaddr* address, socklen_t size) {
  Address made = {.size = size};
  std::memcpy(&made.storage, address, size);
  return made;
}

socklen_t size_of(const sockaddr* address) {
  if (address == nullptr) return 0;
  if (address->sa_family == AF_INET) return sizeof(sockaddr_in);
  return address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
}

// The error of getaddrinfo(), or 0.
int look_up(const std::string& host, int port, int flags, std::vector<Address>& addresses) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICSERV | flags;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (error != 0) return error;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    addresses.push_back(make_address(each->ai_addr, each->ai_addrlen));
  }
  freeaddrinfo(found);
  return 0;
}

}  // namespace

absl::StatusOr<std::vector<Address>> resolve(const std::string& host, int port) {
  std::vector<Address> addresses;
  const int error = look_up(host, port, /*flags=*/0, addresses);
  if (error == 0) return addresses;
  return absl::UnavailableError(
      absl::StrCat("--main_process_ip=", host, " is not an address that this machine knows (",
                   gai_strerror(error), "); correct it, or pass numbers"));
}

std::optional<std::vector<Address>> resolve_number(const std::string& host, int port) {
  std::vector<Address> addresses;
  if (look_up(host, port, AI_NUMERICHOST, addresses) != 0) return std::nullopt;
  return addresses;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
}

Address own_address(int fd) {
  Address address = {.size = sizeof(address.storage)};
  auto* generic = reinterpret_cast<sockaddr*>(&address.storage);
  if (getsockname(fd, generic, &address.size) != 0 || size_of(generic) == 0) return {};
  return address;
}

Address peer_address(int fd) {
  Address address = {.size = sizeof(address.storage)};
  auto* generic = reinterpret_cast<sockaddr*>(&address.storage);
  if (getpeername(fd, generic, &address.size) != 0 || size_of(generic) == 0) return {};
  return address;
}

std::string to_string(const Address& address) {
  char text[NI_MAXHOST] = "";
  const bool is_known =
      address.size > 0 &&
      getnameinfo(address.get(), address.size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0;
  if (!is_known) return "this machine";
  // How a socket for both kinds shows one of IPv4.
  constexpr std::string_view kMapped = "::ffff:";
  const std::string_view number = text;
  return std::string(absl::StartsWith(text, "::ffff:") ? number.substr(kMapped.size()) : number);
}

std::string interface_of(const Address& address) {
  ifaddrs* interfaces = nullptr;
  if (address.size == 0 || getifaddrs(&interfaces) != 0) return "";
  const std::string wanted = to_string(address);
  std::string name;
  for (const ifaddrs* each = interfaces; each != nullptr && name.empty(); each = each->ifa_next) {
    const socklen_t size = size_of(each->ifa_addr);
    if (size > 0 && to_string(make_address(each->ifa_addr, size)) == wanted) name = each->ifa_name;
  }
  freeifaddrs(interfaces);
  return name;
}

// Not by binding a socket to it, which some systems allow for any address
// (net.ipv4.ip_nonlocal_bind).
bool is_of_this_machine(const Address& address) {
  const std::string number = to_string(address);
  const bool is_any = number == "0.0.0.0" || number == "::";
  return is_any || is_loopback(number) || !interface_of(address).empty();
}

}  // namespace accelerate::launcher
