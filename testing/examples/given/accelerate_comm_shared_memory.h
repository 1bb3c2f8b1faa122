// What examples of accelerate/comm/shared_memory take as given.

extern int descriptor, rank;
// ---- collective.h
extern const char* data;
extern Lane lane;
// ---- descriptor_offer.h
void tell_others(const DescriptorSource& source);
extern DescriptorSource source_of_rank_0;
// ---- doorbell.h
extern std::atomic<int> flag;
extern Doorbell doorbell;
// ---- host_identity.h
extern std::string of_other_rank;
void share_memory();
// ---- introduction.h
extern c10d::Store& store;
void distrust_the_store();
// ---- lane.h
extern void* memory;
extern LanePeers peers;
extern std::shared_ptr<Collective> collective;
// ---- life_line.h
void report(const std::string& text);
// ---- meeting.h
extern c10d::Store& store;
void use_the_network_alone();
// ---- region.h
extern int64_t bytes;
extern DescriptorSource source;
// ---- spin_wait.h
extern bool crowded;
bool arrived();
void sleep_until_something_changes();
