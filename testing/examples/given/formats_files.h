// What examples of formats/files take as given.
#include <algorithm>

// ---- atomic_file.h
extern std::vector<std::string> pieces;
