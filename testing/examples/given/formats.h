// What examples of formats take as given.
#include <iostream>

extern std::string path;
