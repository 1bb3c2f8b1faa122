// What examples of accelerate/comm/store take as given.

// ---- door.h
void wait_until_all_are_there();
void leave(pid_t rank_0);
// ---- sealed_store.h
extern c10::intrusive_ptr<c10d::Store> tcp_store;
extern std::string secret;
// ---- siphash.h
extern std::string bytes;
