// What examples of accelerate/data/image take as given.
#include <string>

extern std::string bytes;
extern int64_t x, y;
