// What examples of accelerate/process take as given.
#include <csignal>
#include <iostream>

extern accelerate::launcher::WorkerEnvironment worker;
void train_a_step();
void save();
