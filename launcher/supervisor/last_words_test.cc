#include "launcher/supervisor/last_words.h"

#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(LastWords, NameThePeerThatHasDied) {
  EXPECT_EQ(
      find_lost_peer("error: all_reduce: rank 12 (pid 102) has died or left before all_reduce "
                     "number 1; look at what it wrote last\n"),
      LostPeer{.rank = 12});
  EXPECT_EQ(find_lost_peer("one\nrank 3 has died\nAborted\n"), LostPeer{.rank = 3});
}

TEST(LastWords, TellOfALostConnection) {
  for (const std::string words :
       {"error: [gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:40212",
        "Read error [127.0.0.1]:1: Connection reset by peer",
        "my daemon has died\nConnection reset "
        "by peer"}) {
    EXPECT_EQ(find_lost_peer(words), LostPeer());
  }
}

TEST(LastWords, AreOftenOfSomethingElse) {
  for (const std::string words :
       {"", "error: disk full", "the rank and file has died", "rank 3 waited, and my disk has died",
        "rank 99999999999 has died", "rank x has died"}) {
    EXPECT_EQ(find_lost_peer(words), std::nullopt) << words;
  }
}

}  // namespace
}  // namespace accelerate::launcher
