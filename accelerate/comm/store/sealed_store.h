// A store that accepts only values written by processes that know a secret. Everybody on a machine
// can connect to LibTorch's store, list its keys, and write under any of them.
//
//   auto sealed = c10::make_intrusive<SealedStore>(tcp_store, secret);
//   sealed->set("address", "10.0.0.1");  // With a number that depends on key, value and secret.
//   sealed->get_to_str("address");       // Throws c10::Error where that is not right.
//
// Values are signed, not encrypted. The counters of add() are not signed: a process that changes
// one makes others wait in vain or too briefly, but cannot make them accept a value. An old value
// of the same key would be accepted, so use each secret for one start of a run only.
#pragma once

#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

#include "accelerate/comm/store/siphash.h"

namespace accelerate::internal {

class SealedStore : public c10d::Store {
 public:
  using Bytes = std::vector<uint8_t>;
  using Keys = std::vector<std::string>;

  // The secret is any text that cannot be guessed.
  SealedStore(c10::intrusive_ptr<c10d::Store> store, const std::string& secret);

  c10::intrusive_ptr<c10d::Store> clone() override;

  using Store::set;
  void set(const std::string& key, const Bytes& value) override;
  using Store::compareSet;
  Bytes compareSet(const std::string& key, const Bytes& expected, const Bytes& desired) override;
  Bytes get(const std::string& key) override;
  std::vector<Bytes> multiGet(const Keys& keys) override;
  void multiSet(const Keys& keys, const std::vector<Bytes>& values) override;

  int64_t add(const std::string& key, int64_t value) override { return store_->add(key, value); }
  bool deleteKey(const std::string& key) override { return store_->deleteKey(key); }
  bool check(const Keys& keys) override { return store_->check(keys); }
  int64_t getNumKeys() override { return store_->getNumKeys(); }
  void wait(const Keys& keys) override { store_->wait(keys); }
  void wait(const Keys& keys, const std::chrono::milliseconds& timeout) override {
    store_->wait(keys, timeout);
  }
  const std::chrono::milliseconds& getTimeout() const noexcept override {
    return store_->getTimeout();
  }
  void setTimeout(const std::chrono::milliseconds& timeout) override {
    store_->setTimeout(timeout);
  }
  // No: it lacks append(), because appended parts cannot be signed together.
  bool hasExtendedApi() const override { return false; }

 private:
  SealedStore(c10::intrusive_ptr<c10d::Store> store, SipKey key)
      : store_(std::move(store)), key_(key) {}
  uint64_t tag_of(const std::string& key, const Bytes& value) const;
  Bytes seal(const std::string& key, Bytes value) const;
  Bytes open(const std::string& key, Bytes sealed) const;

  const c10::intrusive_ptr<c10d::Store> store_;
  const SipKey key_;
};

}  // namespace accelerate::internal
