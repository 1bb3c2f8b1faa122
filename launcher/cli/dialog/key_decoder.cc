#include "launcher/cli/dialog/key_decoder.h"

#include <utility>

namespace accelerate::launcher {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kControlD = '\x04';

Key plain_key(char byte) {
  if (byte >= '0' && byte <= '9') return Key::kDigit;
  switch (byte) {
    case '\r':
    case '\n':
      return Key::kEnter;
    case 'k':
      return Key::kUp;
    case 'j':
      return Key::kDown;
    case kControlD:
      return Key::kEnd;
    default:
      return Key::kNone;
  }
}

}  // namespace

Key KeyDecoder::take(char byte) {
  const State state = std::exchange(state_, State::kPlain);
  if (byte == kEscape) {
    state_ = State::kEscape;
    return Key::kNone;
  }
  // Arrows are `ESC [ A`, on some terminals `ESC O A`.
  if (state == State::kEscape && (byte == '[' || byte == 'O')) {
    state_ = State::kSequence;
    return Key::kNone;
  }
  if (state == State::kSequence) {
    if (byte >= ' ' && byte < '@') state_ = State::kSequence;  // A parameter; more is to come.
    if (byte == 'A') return Key::kUp;
    if (byte == 'B') return Key::kDown;
    return Key::kNone;
  }
  const Key key = plain_key(byte);
  if (key == Key::kDigit) digit_ = byte - '0';
  return key;
}

}  // namespace accelerate::launcher
