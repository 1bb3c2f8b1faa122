// What examples of accelerate/process take as given.
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "accelerate/process/process_info.h"

extern accelerate::launcher::WorkerEnvironment worker;
void train_a_step();
void save();
// ---- process_share.h
extern std::vector<std::string> prompts;
void generate(const std::string& prompt);
// ---- seed.h
extern accelerate::ProcessInfo info;
