#include "launcher/supervisor/listening_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  getsockname(first->fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  EXPECT_EQ(address.sin_addr.s_addr, htonl(INADDR_ANY));
  EXPECT_THAT(
      std::string(open_listening_socket(first->port, Reach::kNetwork).status().message()),
      AllOf(HasSubstr("0.0.0.0:" + std::to_string(first->port)), HasSubstr("on all machines")));
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
