// What examples of launcher/env take as given.

// ---- open_number.h
extern EnvironmentLookup lookup;
void count_the_gpus();
// ---- rank_states.h
void do_without_rank_1();
