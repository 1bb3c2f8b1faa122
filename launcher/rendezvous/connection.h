// Messages over a socket, without waiting.
//
// Example:
//   Connection connection(std::move(socket), settings);
//   connection.send(Welcome{.machine_rank = 1});
//   // Whenever poll() says that something can be done for connection.polled():
//   const absl::Status state = connection.exchange();
//   while (std::optional<Message> message = connection.take()) handle(*message);
//   if (!state.ok()) forget(connection);  // It is gone; the messages above were its last.
//
// The kernel checks that the other machine is still there, as the settings say, even while this
// process or the other one is stopped. Not for large data: unsent data is kept in memory.
#pragma once

#include <poll.h>

#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/rendezvous/message.h"
#include "launcher/request/rendezvous_settings.h"

namespace accelerate::launcher {

// Not thread-safe.
class Connection {
 public:
  // `socket` is connected.
  Connection(FileDescriptor socket, const RendezvousSettings& settings);

  int fd() const { return socket_.get(); }
  pollfd polled() const;

  // Sends as much as the socket takes; the rest goes with the next exchange().
  void send(const Message& message);

  // Sends and receives what is possible without waiting. An error says why nothing more will come:
  // the connection was closed, the other machine does not answer, or it sent something that is not
  // a message. take() has what came before that.
  absl::Status exchange();

  // The next message that has been received.
  std::optional<Message> take();

 private:
  absl::Status receive();
  absl::Status flush();

  FileDescriptor socket_;
  std::string unsent_;
  std::string unread_;
  std::deque<Message> received_;
};

}  // namespace accelerate::launcher
