// That LibTorch's store takes over a socket which the launcher listens at.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {
namespace {

TEST(ListeningStore, ServesAtTheSocketThatItIsGiven) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 16), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);

  c10d::TCPStoreOptions options;
  options.port = ntohs(address.sin_port);
  options.isServer = true;
  options.waitWorkers = false;
  options.masterListenFd = listener;
  const auto server = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  options.isServer = false;
  options.masterListenFd.reset();
  const auto client = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  static_cast<c10d::Store&>(*server).set("key", "value");
  EXPECT_EQ(client->get_to_str("key"), "value");
  EXPECT_EQ(server->getPort(), ntohs(address.sin_port))
      << "LibTorch's store no longer serves at the socket that it is given";
}

}  // namespace
}  // namespace accelerate::internal
