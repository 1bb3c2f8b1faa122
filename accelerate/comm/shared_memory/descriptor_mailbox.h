// Where a process of this host can be sent an open file.
//
//   DescriptorMailbox mailbox;                                  // tell mailbox.address() to others
//   DescriptorMailbox::send(address, token, descriptor);        // another process
//   const int descriptor = mailbox.receive(token);
//
// Addresses are of the network namespace, and gone with the process. Nothing here waits.
#pragma once

#include <string>

namespace accelerate::internal {

class DescriptorMailbox {
 public:
  // All three throw std::system_error.
  DescriptorMailbox();
  // The token tells the receiver that it is from whom it expects it.
  static void send(const std::string& address, const std::string& token, int descriptor);
  // What has been sent already with this token; the caller owns it.
  int receive(const std::string& token) const;

  DescriptorMailbox(const DescriptorMailbox&) = delete;
  DescriptorMailbox& operator=(const DescriptorMailbox&) = delete;
  ~DescriptorMailbox();

  // Bytes, some of which are zero.
  const std::string& address() const { return address_; }

 private:
  int socket_;
  std::string address_;
};

}  // namespace accelerate::internal
