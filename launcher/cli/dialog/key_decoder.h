// The keys that a menu knows, out of the bytes that a terminal sends for them.
//
// Example:
//   KeyDecoder decoder;
//   for (const char byte : std::string("\x1b[A")) key = decoder.take(byte);  // At last Key::kUp.
//
// Not for text: all keys but a few are nothing.
#pragma once

namespace accelerate::launcher {

enum class Key { kNone, kUp, kDown, kDigit, kEnter, kEnd };

class KeyDecoder {
 public:
  // The key that `byte` completes: arrows or k and j, digits, Enter, Ctrl-D.
  Key take(char byte);

  // Of the last kDigit.
  int digit() const { return digit_; }

 private:
  enum class State { kPlain, kEscape, kSequence };

  State state_ = State::kPlain;
  int digit_ = 0;
};

}  // namespace accelerate::launcher
