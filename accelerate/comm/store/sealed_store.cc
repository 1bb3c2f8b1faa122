#include "accelerate/comm/store/sealed_store.h"

#include <c10/util/Exception.h>

namespace accelerate::internal {
namespace {

constexpr size_t kTagBytes = sizeof(uint64_t);

// Two numbers of the secret, whatever its form and length are.
SipKey key_of(const std::string& secret) {
  return {siphash({1, 0}, secret), siphash({2, 0}, secret)};
}

}  // namespace

SealedStore::SealedStore(c10::intrusive_ptr<c10d::Store> store, const std::string& secret)
    : SealedStore(std::move(store), key_of(secret)) {}

c10::intrusive_ptr<c10d::Store> SealedStore::clone() {
  return c10::intrusive_ptr<SealedStore>::reclaim(new SealedStore(store_->clone(), key_));
}

void SealedStore::set(const std::string& key, const Bytes& value) {
  store_->set(key, seal(key, value));
}

SealedStore::Bytes SealedStore::compareSet(const std::string& key, const Bytes& expected,
                                           const Bytes& desired) {
  // Nothing stands for a key that is not there.
  const Bytes sealed = expected.empty() ? Bytes() : seal(key, expected);
  return open(key, store_->compareSet(key, sealed, seal(key, desired)));
}

SealedStore::Bytes SealedStore::get(const std::string& key) { return open(key, store_->get(key)); }

std::vector<SealedStore::Bytes> SealedStore::multiGet(const Keys& keys) {
  std::vector<Bytes> values = store_->multiGet(keys);
  for (size_t i = 0; i < keys.size(); ++i) values[i] = open(keys[i], std::move(values[i]));
  return values;
}

void SealedStore::multiSet(const Keys& keys, const std::vector<Bytes>& values) {
  TORCH_CHECK(keys.size() == values.size(), "there are ", keys.size(), " keys and ", values.size(),
              " values; give one value for each key");
  for (size_t i = 0; i < keys.size(); ++i) set(keys[i], values[i]);
}

uint64_t SealedStore::tag_of(const std::string& key, const Bytes& value) const {
  // The length keeps the two apart.
  std::string bytes = std::to_string(key.size()) + ' ' + key;
  bytes.append(value.begin(), value.end());
  return siphash(key_, bytes);
}

SealedStore::Bytes SealedStore::seal(const std::string& key, Bytes value) const {
  const uint64_t tag = tag_of(key, value);
  for (size_t i = 0; i < kTagBytes; ++i) value.push_back(static_cast<uint8_t>(tag >> (8 * i)));
  return value;
}

SealedStore::Bytes SealedStore::open(const std::string& key, Bytes sealed) const {
  Bytes value = sealed;
  value.resize(sealed.size() < kTagBytes ? 0 : sealed.size() - kTagBytes);
  TORCH_CHECK(
      seal(key, value) == sealed, "the value of `", key,
      "` in the run's store was written by no process of this run, but by somebody else who "
      "can reach the store; start the run again on another port (MASTER_PORT), and find out "
      "who it was");
  return value;
}

}  // namespace accelerate::internal
