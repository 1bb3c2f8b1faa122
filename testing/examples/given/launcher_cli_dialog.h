// What examples of launcher/cli/dialog take as given.
#include <cerrno>
#include <cstring>

// ---- interview.h
extern Dialog& dialog;
// ---- key_decoder.h
extern Key key;
// ---- key_mode.h
int fail(const char* reason);
