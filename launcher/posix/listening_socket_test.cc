#include "launcher/posix/listening_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/network/ipv6_loopback.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Host {
  int family;
  const char* address;
};

bool connects(const Host& host, int port) {
  addrinfo hints = {};
  hints.ai_family = host.family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.address, std::to_string(port).c_str(), &hints, &found) != 0) return false;
  const FileDescriptor client(socket(host.family, SOCK_STREAM, 0));
  const bool is_connected = connect(client.get(), found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  return is_connected;
}

TEST(ListeningSocket, AcceptsConnectionsAtThePortThatItNames) {
  const auto listening = open_listening_socket(0);
  ASSERT_TRUE(listening.ok()) << listening.status();
  ASSERT_GT(listening->port, 0);

  const FileDescriptor client(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(listening->port);
  EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(FileDescriptor(accept(listening->fd.get(), nullptr, nullptr)).is_open());
}

TEST(ListeningSocket, DoesNotOutliveAnExec) {
  const auto listening = open_listening_socket(0);
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_TRUE(fcntl(listening->fd.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(ListeningSocket, SaysThatAPortIsTakenAndWhatToDo) {
  const auto first = open_listening_socket(0);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(
      std::string(open_listening_socket(first->port).status().message()),
      AllOf(HasSubstr("127.0.0.1:" + std::to_string(first->port)),
            HasSubstr("another process uses this port"), HasSubstr("pass --main_process_port=0")));
}

TEST(ListeningSocket, IsForOtherMachinesWhereItIsAskedTo) {
  const auto first = open_listening_socket(0, Reach::kNetwork);
  ASSERT_TRUE(first.ok()) << first.status();
  // As good as any other address of this machine: nothing is bound to 127.0.0.1 there.
  EXPECT_TRUE(connects({AF_INET, "127.0.0.2"}, first->port));
  EXPECT_FALSE(connects({AF_INET, "127.0.0.2"}, open_listening_socket(0)->port));
  EXPECT_THAT(std::string(open_listening_socket(first->port, Reach::kNetwork).status().message()),
              AllOf(HasSubstr("port " + std::to_string(first->port) + ": another process"),
                    HasSubstr("on all machines")));
}

TEST(ListeningSocket, IsForMachinesOfIpv6AsWell) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "::1 is no address here";
  const auto listening = open_listening_socket(0, Reach::kNetwork);
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_TRUE(connects({AF_INET6, "::1"}, listening->port));
}

TEST(ListeningSocket, FreesItsPortWhenItGoes) {
  int port = 0;
  {
    const auto first = open_listening_socket(0);
    ASSERT_TRUE(first.ok()) << first.status();
    port = first->port;
  }
  EXPECT_TRUE(open_listening_socket(port).ok());
}

}  // namespace
}  // namespace accelerate::launcher
