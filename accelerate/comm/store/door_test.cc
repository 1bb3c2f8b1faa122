#include "accelerate/comm/store/door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <stdexcept>

namespace accelerate::internal {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kStranger = 65534;

int port_of(int socket) {
  sockaddr_in6 address = {};
  socklen_t size = sizeof(address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);
}

int connect_to(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int visitor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(visitor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return visitor;
}

bool is_readable(int socket) {
  pollfd polled = {.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 0) == 1;
}

// What the function returns in a child of another user.
bool as_stranger(const std::function<bool()>& function) {
  const pid_t child = fork();
  if (child == 0) _exit(setuid(kStranger) == 0 && function() ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

TEST(Door, LetsInThroughTheLoopbackInterfaceAloneWhereThatIsAskedFor) {
  for (const char* address : {"127.0.0.1", "localhost", "::1"}) {
    const int door = listen_at(address, 0);
    sockaddr_in6 bound = {};
    socklen_t size = sizeof(bound);
    getsockname(door, reinterpret_cast<sockaddr*>(&bound), &size);
    char device[16] = "";
    socklen_t length = sizeof(device);
    getsockopt(door, SOL_SOCKET, SO_BINDTODEVICE, device, &length);
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(&bound);
    const bool is_bound =
        std::string(device) == "lo" ||
        (bound.sin6_family == AF_INET ? ipv4->sin_addr.s_addr == htonl(INADDR_LOOPBACK)
                                      : IN6_IS_ADDR_LOOPBACK(&bound.sin6_addr));
    EXPECT_TRUE(is_bound || geteuid() != 0) << address;
    close(door);
  }
}

TEST(Door, SaysThatThePortIsTaken) {
  const int door = listen_at("10.0.0.1", 0);
  try {
    listen_at("10.0.0.1", port_of(door));
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is taken by another process; choose another port"));
  }
  close(door);
}

TEST(Door, LetsNobodyInOnceItIsClosedAndKeepsWhoIsThere) {
  const int door = listen_at("127.0.0.1", 0);
  const int early = connect_to(port_of(door));
  const int inside = accept(door, nullptr, nullptr);
  ASSERT_GE(inside, 0);
  EXPECT_FALSE(find_closed_door(port_of(door)).has_value());
  {
    const ClosedDoor closed(door, port_of(door));
    const int late = connect_to(port_of(door));
    EXPECT_FALSE(is_readable(door));
    EXPECT_EQ(find_closed_door(port_of(door)), getpid());
    EXPECT_EQ(send(early, "x", 1, 0), 1);
    EXPECT_TRUE(is_readable(inside));
    close(late);
  }
  EXPECT_FALSE(find_closed_door(port_of(door)).has_value());
  for (const int each : {door, early, inside}) close(each);
}

TEST(Door, HasNoSignOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const int door = listen_at("127.0.0.1", 0);
  const ClosedDoor closed(door, port_of(door));
  EXPECT_FALSE(as_stranger([&] { return find_closed_door(port_of(door)).has_value(); }));
  close(door);
}

}  // namespace
}  // namespace accelerate::internal
